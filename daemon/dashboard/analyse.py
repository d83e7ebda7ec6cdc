"""Recordings that a person tries: taken into memory, judged by a process of its own, and forgotten."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import suppress
from typing import AsyncIterator, Callable, Sequence

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from daemon.demo import RECORDING

BUNDLED = "cabin.flac"
MOST_BYTES = 100 * 1000 * 1000
MOST_AT_ONCE = 2
MOST_MODELS = 2
UPLOAD_S = 120.0
WORK_S = 600.0
MOST_LINE_BYTES = 16 << 20
"""Of what the worker says: its result is one line."""
NAME = re.compile(r"[\x00-\x1f\x7f/]")


class Refused(Exception):
    """A recording that is not taken; status and reason."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Analyses:
    """At most MOST_AT_ONCE at a time; who comes then is told so, and waits himself."""

    def __init__(self, models: Sequence[str]) -> None:
        """`models`: those that may be asked for."""
        self.models = models
        self._n_running = 0

    async def choices(self, _request: Request) -> Response:
        """GET /api/models: what can be asked for, and what is taken."""
        limits = {"models": MOST_MODELS, "bytes": MOST_BYTES}
        return JSONResponse({"models": list(self.models), "bundled": BUNDLED, "most": limits})

    async def bundled(self, _request: Request) -> Response:
        """GET /recordings/cabin.flac: to be heard."""
        return FileResponse(RECORDING, media_type="audio/flac", filename=BUNDLED, content_disposition_type="inline")

    async def analyse(self, request: Request) -> Response:
        """POST /api/analyse?name=...&model=...: the body is the recording; `bundled` instead of one: ours.

        The answer is a JSON object a line: progress, then a result or an error. Who hangs up has cancelled it.
        """
        if self._n_running >= MOST_AT_ONCE:
            return JSONResponse({"error": f"{MOST_AT_ONCE} recordings are being judged now: try again in a moment"}, 429)
        self._n_running += 1
        fd = os.memfd_create("recording", os.MFD_CLOEXEC)

        def over() -> None:
            self._n_running -= 1
            os.close(fd)

        try:
            wish = self._wish(request, fd)
            if "bundled" in request.query_params:
                os.write(fd, RECORDING.read_bytes())
            else:
                await asyncio.wait_for(_received(request, fd), UPLOAD_S)
        except (Refused, asyncio.TimeoutError) as trouble:
            over()
            refused = trouble if isinstance(trouble, Refused) else Refused(408, f"it did not arrive within {UPLOAD_S:g} s")
            return JSONResponse({"error": str(refused)}, refused.status, headers={"Connection": "close"})
        except BaseException:
            over()
            raise
        return _Told(_answers(wish, fd), over)

    def _wish(self, request: Request, fd: int) -> str:
        names = request.query_params.getlist("model") or list(self.models[:1])
        unknown = [name for name in names if name not in self.models]
        if unknown or len(set(names)) != len(names) or len(names) > MOST_MODELS:
            raise Refused(400, f"want one or {MOST_MODELS} different models of {', '.join(self.models)}")
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            raise Refused(413, _too_large())
        name = NAME.sub("?", request.query_params.get("name", ""))[:100] or "the recording"
        return json.dumps({"fd": fd, "name": name, "models": names})


def _too_large() -> str:
    return f"it is larger than {MOST_BYTES // 10**6} MB: cut it, or use `affectd analyze`"


async def _received(request: Request, fd: int) -> None:
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > MOST_BYTES:
            raise Refused(413, _too_large())
        os.write(fd, chunk)


class _Told(StreamingResponse):
    """Lines of JSON; however they end, even before they have begun, `over` is called."""

    def __init__(self, lines: AsyncIterator[bytes], over: Callable[[], None]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


async def _answers(wish: str, fd: int) -> AsyncIterator[bytes]:
    """What the worker says, line by line; it is killed when nobody wants to know any more."""
    worker = None
    try:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "daemon.dashboard.worker", wish),
            pass_fds=[fd],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MOST_LINE_BYTES,
        )
        async for line in _lines(worker):
            yield line
    finally:
        # who was cancelled waits for nothing more: the loop looks after its end
        if worker is not None and worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.kill()


async def _lines(worker: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    assert worker.stdout is not None
    until_s, told = asyncio.get_running_loop().time() + WORK_S, b""
    try:
        while True:
            left_s = until_s - asyncio.get_running_loop().time()
            line = await asyncio.wait_for(worker.stdout.readline(), max(0.0, left_s))
            if not line:
                break
            told = line
            yield line
    except asyncio.TimeoutError:
        yield _error(f"it took longer than {WORK_S / 60:g} minutes: cut it, or use `affectd analyze`")
        return
    if not told.startswith((b'{"result"', b'{"error"')):
        yield _error("it could not be judged: it needs more memory or time than a recording gets here; cut it")


def _error(why: str) -> bytes:
    return json.dumps({"error": why}).encode() + b"\n"
