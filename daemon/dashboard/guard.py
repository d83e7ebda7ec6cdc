"""Who may see the page: each request is looked at first, and each answer says what a browser may do with it."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.dashboard.token import Token
from daemon.settings import DashboardSettings

COOKIE = "affectd"
ENTER = "/enter"
FREE = (ENTER, "/static/")
"""Where nobody needs a token: the door, and what the page looks like."""
PORT = re.compile(r":[0-9]{1,5}$")
SAFE_METHODS = ("GET", "HEAD")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware. A name that is not ours is refused, as is what another site has asked for, or who has no token."""

    def __init__(self, app: ASGIApp, settings: DashboardSettings, token: Token | None) -> None:
        self._app = app
        self._settings = settings
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or answer in its place."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return PlainTextResponse("There is no such page here: use this machine's address, or set [dashboard] name.", 421)
        bearer = headers.get("authorization", "")
        origin = headers.get("origin")
        foreign = urlsplit(origin).netloc != host if origin is not None else not bearer and method not in SAFE_METHODS
        if foreign or (headers.get("sec-fetch-site") == "cross-site" and method not in SAFE_METHODS):
            return PlainTextResponse("Another page has asked for this: it is refused.", 403)
        if self._token is None or path.startswith(FREE):
            return None
        if self._token.is_known(cookie_of(headers)) or (bearer[:7] == "Bearer " and self._token.fits(bearer[7:])):
            return None
        if method == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(ENTER, 303)
        return PlainTextResponse("The token is missing.", 401)

    def _is_ours(self, host: str) -> bool:
        """A name that resolves to us only because somebody wants it to is none of ours; an address cannot be made to."""
        name = PORT.sub("", host).strip("[]").lower()
        if name in ("localhost", self._settings.name.lower() or "localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            here = socket.gethostname().lower()
            return not self._settings.is_loopback and name in (here, f"{here}.local")
        return address.is_loopback or not self._settings.is_loopback


def cookie_of(headers: Headers) -> str:
    """Ours; empty where there is none."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
