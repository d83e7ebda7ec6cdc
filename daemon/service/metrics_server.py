"""Prometheus reads the figures here: HTTP, GET /metrics and nothing else."""

from __future__ import annotations

import ipaddress
import logging
import socket
import socketserver
import threading
import time
from typing import Any, Callable, Iterable, Mapping
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector

from daemon.errors import SettingsError
from daemon.settings import MetricsSettings

logger = logging.getLogger(__name__)

PATH = "/metrics"
MOST_AT_A_TIME = 4
REQUEST_S = 5.0
"""A request, whole: who is slower is hung up on, so that nobody holds a thread for long."""
LOOK_S = 0.5
Application = Callable[[Mapping[str, Any], Callable[..., Any]], Iterable[bytes]]


class MetricsServer:
    """Listens from the start, answers once `start` was called, each request in a thread of its own, a few at a time."""

    def __init__(self, settings: MetricsSettings, figures: Collector) -> None:
        """`figures` are collected anew for each request. Raises SettingsError where the port cannot be had."""
        registry = CollectorRegistry()
        registry.register(figures)
        ProcessCollector(registry=registry)
        where = f"[metrics] {settings.host} port {settings.port}"
        try:
            self._server = _Server(settings.host, settings.port, _only_metrics(make_wsgi_app(registry)))
        except OSError as trouble:
            raise SettingsError(f"{where} cannot be had: {trouble.strerror}; choose another host or port") from trouble
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_S,), name="metrics", daemon=True)
        if not settings.is_loopback:
            logger.warning("%s: whoever reaches this machine may read the metrics", where)

    def start(self) -> None:
        """Answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more, and let go of the port. Once more does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _only_metrics(app: Application) -> Application:
    def answer(request: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if request["PATH_INFO"] != PATH:
            return _refused(start_response, "404 Not Found")
        if request["REQUEST_METHOD"] != "GET":
            return _refused(start_response, "405 Method Not Allowed", ("Allow", "GET"))
        return app(request, start_response)

    return answer


def _refused(start_response: Callable[..., Any], status: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), *headers])
    return [f"{status}: want GET {PATH}\n".encode()]


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_S

    def log_message(self, *_: Any) -> None:
        """A line for each request would fill the journal."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """The standard library's, which takes any number of clients and waits for each for ever; this one does neither."""

    daemon_threads = True

    def __init__(self, host: str, port: int, app: Application) -> None:
        if ipaddress.ip_address(host).version == 6:
            self.address_family = socket.AF_INET6
        self._until_s: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)
        self.set_app(app)

    def server_bind(self) -> None:
        """Without asking a name server for our name, which takes long where there is none."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, unless there are as many as may be."""
        with self._lock:
            full = len(self._until_s) >= MOST_AT_A_TIME
            if not full:
                self._until_s[request] = time.monotonic() + REQUEST_S
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """It was answered, or hung up on."""
        with self._lock:
            self._until_s.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Every now and then: hang up on who is too slow."""
        with self._lock:
            late = [request for request, until_s in self._until_s.items() if time.monotonic() > until_s]
            for request in late:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    logger.debug("a client of the metrics has hung up by itself")

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up or is too slow is no error of ours."""
        logger.debug("a request for the metrics came to nothing", exc_info=True)
