"""The door: where a token is asked for. It travels in the body of a form, never in an address."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.dashboard.guard import COOKIE
from daemon.dashboard.pages import Pages
from daemon.dashboard.token import Token

MOST_BYTES = 4096
WRONG_S = 1.0
"""So long a wrong token is thought about."""


class Entrance:
    """Of a page that has a token."""

    def __init__(self, token: Token, pages: Pages) -> None:
        self._token = token
        self._pages = pages

    async def ask(self, _request: Request) -> Response:
        """The form."""
        return self._pages.response("enter", "Token", wrong="")

    async def answer(self, request: Request) -> Response:
        """A right token is a cookie from now on, that no script can read and no other site has sent along."""
        offered = parse_qs((await limited(request, MOST_BYTES)).decode("utf-8", "replace")).get("token", [""])[0]
        if not self._token.fits(offered.strip()):
            await asyncio.sleep(WRONG_S)
            return self._pages.response("enter", "Token", status=403, wrong="That is not the token.")
        response = RedirectResponse("/", 303)
        secure = request.headers.get("x-forwarded-proto") == "https"
        response.set_cookie(COOKIE, self._token.cookie, max_age=30 * 86400, httponly=True, samesite="strict", secure=secure)
        return response


async def limited(request: Request, most_bytes: int) -> bytes:
    """The body, or as much of it as is wanted: the rest is not looked at."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            break
    return body[:most_bytes]
