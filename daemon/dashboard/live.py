"""What the live page is told, and what it may ask for."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any, AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from daemon.dashboard.board import Board
from daemon.dashboard.entrance import limited
from daemon.settings import TOPIC_LEVEL

TELL_EVERY_S = 0.5
"""What has changed meanwhile is told at once: however fast messages come, a page costs no more."""
ALIVE_EVERY_S = 5.0
RETRY_MS = 1000
MOST_WATCHING = 16
MOST_BYTES = 1024


class Live:
    """Server-sent events: first all that is known, then what changes. A page that comes back goes on where it was."""

    def __init__(self, board: Board, publish: Callable[[str, bytes, int], bool], may_switch: bool) -> None:
        self._board = board
        self._publish = publish
        self._may_switch = may_switch
        self._boot = secrets.token_hex(4)
        self._n_watching = 0
        self.ending = False
        """Set when the server is to end: who watches is let go."""

    async def events(self, request: Request) -> Response:
        """GET /api/live."""
        if self._n_watching >= MOST_WATCHING:
            return JSONResponse({"error": f"{MOST_WATCHING} pages watch already: close one"}, 503)
        boot, _, seen = request.headers.get("last-event-id", "").partition("-")
        version = int(seen) if boot == self._boot and seen.isdigit() else 0
        return StreamingResponse(self._told(version), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def switch(self, request: Request) -> Response:
        """POST /api/listening with node, source and listening. The answer comes over MQTT, as the source's next state."""
        if not self._may_switch:
            return JSONResponse({"error": "this page may not switch: [dashboard] may_switch is false"}, 403)
        wish = _wish(await limited(request, MOST_BYTES))
        if wish is None:
            return JSONResponse({"error": "want node, source and listening, true or false"}, 400)
        node, source, listening = wish
        if not self._board.knows(node, source):
            return JSONResponse({"error": "there is no such source"}, 404)
        body = json.dumps({"listening": listening}).encode()
        if not self._publish(f"affectd/{node}/{source}/set", body, 1):
            return JSONResponse({"error": "the broker cannot be reached now: try again when it is back"}, 503)
        return JSONResponse({}, 202)

    async def _told(self, version: int) -> AsyncIterator[bytes]:
        self._n_watching += 1
        silent_s = ALIVE_EVERY_S
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while not self.ending:
                if self._board.version != version or silent_s >= ALIVE_EVERY_S:
                    news = self._board.since(version)
                    news["may_switch"] = self._may_switch
                    version, silent_s = news["version"], 0.0
                    yield f"id: {self._boot}-{version}\ndata: {_json(news)}\n\n".encode()
                await asyncio.sleep(TELL_EVERY_S)
                silent_s += TELL_EVERY_S
        finally:
            self._n_watching -= 1


def _json(news: dict[str, Any]) -> str:
    return json.dumps(news, separators=(",", ":"), allow_nan=False)


def _wish(payload: bytes) -> tuple[str, str, bool] | None:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    node, source, listening = body.get("node"), body.get("source"), body.get("listening")
    named = all(isinstance(name, str) and TOPIC_LEVEL.fullmatch(name) for name in (node, source))
    return (str(node), str(source), listening) if named and isinstance(listening, bool) else None
