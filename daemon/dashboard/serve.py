"""`affectd dashboard`: what looks on at the broker, and the web server, from start to a clean end."""

from __future__ import annotations

import secrets
import socket
import threading
from contextlib import ExitStack
from types import TracebackType

import uvicorn

from daemon.dashboard.app import make_app
from daemon.dashboard.board import TOPICS, Board
from daemon.dashboard.live import Live
from daemon.dashboard.token import token_of
from daemon.delivery.mqtt.companion import Companion
from daemon.delivery.mqtt.connection import Arrived
from daemon.errors import SettingsError
from daemon.settings import Settings

LEAVE_S = 5.0
MOST_CONNECTIONS = 128


class Dashboard:
    """Use it as a context: the page can be reached from then on."""

    def __init__(self, settings: Settings, port: int | None = None) -> None:
        """`port`: another than that of the settings; 0: any free one. Raises SettingsError."""
        own, broker = settings.dashboard, settings.broker
        self.board = Board(f"{broker.host}:{broker.port}")
        client_id = f"affectd-dashboard-{secrets.token_hex(4)}"
        self._companion = Companion(broker, client_id, TOPICS, self._arrived, self.board.connection)
        self._live = Live(self.board, self._companion.publish_now, own.may_switch)
        app = make_app(own, token_of(own), self._live, settings.model.name)
        self._socket = _listening(own.host, own.port if port is None else port)
        self.port = int(self._socket.getsockname()[1])
        shown = f"[{own.host}]" if ":" in own.host else own.host
        self.address = f"http://{shown}:{self.port}/"
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)
        self._opened = ExitStack()

    def __enter__(self) -> Dashboard:
        self._opened.enter_context(self._companion)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._live.ending = True
        self._server.should_exit = True
        self._thread.join(LEAVE_S)
        self._opened.close()

    @property
    def alive(self) -> bool:
        """False once the server has ended by itself."""
        return self._thread.is_alive()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while self.alive and not stop.wait(1.0):
            pass

    def _arrived(self, one: Arrived) -> None:
        self.board.take(one.topic, one.payload, one.retained)


def _listening(host: str, port: int) -> socket.socket:
    """Raises SettingsError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(MOST_CONNECTIONS)
    except OSError as trouble:
        listener.close()
        raise SettingsError(
            f"[dashboard] {host}, port {port}: cannot be had: {trouble.strerror}; give another --port"
        ) from trouble
    return listener
