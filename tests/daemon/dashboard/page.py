"""The page as a browser's network sees it: a real server on loopback, asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

from daemon.dashboard.serve import Dashboard
from daemon.settings import BrokerSettings, DashboardSettings, Settings

PATIENCE_S = 120.0
NOBODY = 9
"""The port of a service that no machine of ours runs: there is no broker."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


@dataclass(frozen=True)
class Served:
    """A page that runs."""

    dashboard: Dashboard

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.dashboard.port}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.dashboard.port, timeout=PATIENCE_S)

    def ask(self, way: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """`headers` with _ for -; a POST comes from the page itself, unless told otherwise."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method != "GET":
            named.setdefault("Origin", f"http://{self.host}")
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, way, body, named)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    @contextlib.contextmanager
    def told(self, **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
        """What the live page is told, message by message."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", "/api/live", headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            assert response.status == 200
            assert response.getheader("content-type", "").startswith("text/event-stream")
            yield _messages(response)


def _messages(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    name = ""
    while True:
        line = response.readline().decode().rstrip("\n")
        if line.startswith("id: "):
            name = line[4:]
        elif line.startswith("data: "):
            yield {"id": name, **json.loads(line[6:])}


@contextlib.contextmanager
def served(broker_port: int = NOBODY, token_file: Path | None = None, **own: Any) -> Iterator[Served]:
    """On a free port, beside a broker or none. `own`: settings of [dashboard]."""
    dashboard = DashboardSettings(token_file=str(token_file or ""), **own)
    settings = replace(Settings(), broker=BrokerSettings(port=broker_port, longest_retry_s=0.5), dashboard=dashboard)
    with Dashboard(settings, port=0) as running:
        yield Served(running)
