"""The ways of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.dashboard.analyse import BUNDLED, Analyses
from daemon.dashboard.documents import PICTURES, Documents
from daemon.dashboard.entrance import Entrance
from daemon.dashboard.guard import ENTER, Guard
from daemon.dashboard.live import Live
from daemon.dashboard.pages import Pages
from daemon.dashboard.token import Token
from daemon.settings import DashboardSettings
from models import registry

STATIC = Path(__file__).parent / "static"


class Fresh(StaticFiles):
    """Files that a browser asks after each time: one that has not changed is not sent again."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        """As Starlette's."""
        response = super().file_response(*arguments, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


def make_app(settings: DashboardSettings, token: Token | None, live: Live, model: str) -> Starlette:
    """`model`: the service's own, which is tried first."""
    pages = Pages()
    documents = Documents(pages)
    analyses = Analyses([model, *(name for name in registry.names() if name != model)])

    async def live_page(_request: Request) -> Response:
        return pages.response("live", "Live", "/")

    async def analyse_page(_request: Request) -> Response:
        return pages.response("analyse", "Try a recording", "/analyse")

    async def nothing(request: Request, _trouble: Exception) -> Response:
        return pages.response("nothing", "Nothing here", request.url.path, 404, what=f"There is no page {request.url.path}.")

    routes = [
        Route("/", live_page),
        Route("/api/live", live.events),
        Route("/api/listening", live.switch, methods=["POST"]),
        Route("/analyse", analyse_page),
        Route("/api/models", analyses.choices),
        Route("/api/analyse", analyses.analyse, methods=["POST"]),
        Route(f"/recordings/{BUNDLED}", analyses.bundled),
        Route("/models", documents.models),
        Route("/models/{name}", documents.model),
        Route("/results", documents.results),
        Mount("/results/pictures", StaticFiles(directory=PICTURES, check_dir=False)),
        Route("/results/{name}", documents.results),
        Mount("/static", Fresh(directory=STATIC)),
    ]
    if token is not None:
        entrance = Entrance(token, pages)
        routes += [Route(ENTER, entrance.ask), Route(ENTER, entrance.answer, methods=["POST"])]
    guard = Middleware(Guard, settings=settings, token=token)
    return Starlette(routes=routes, middleware=[guard], exception_handlers={404: nothing})
