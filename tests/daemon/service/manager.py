"""A service manager's end of $NOTIFY_SOCKET: what a service says there, in the order it came."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Callable

from tests.daemon.wire import PATIENCE_S


class Manager:
    """Use it as a context; give `environment` to the service."""

    def __init__(self, folder: Path, watchdog_s: float | None = None) -> None:
        self._path = folder / "notify.sock"
        self.environment = {"NOTIFY_SOCKET": str(self._path)}
        if watchdog_s is not None:
            self.environment["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))
        self._changed = threading.Condition()
        self.heard: list[list[str]] = []
        """The lines of each message."""

    def __enter__(self) -> Manager:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", str(self._path))
        self._thread.join()
        self._socket.close()

    def count(self, line: str) -> int:
        """Messages with a line that begins so."""
        return sum(any(one.startswith(line) for one in lines) for lines in list(self.heard))

    def statuses(self) -> list[str]:
        return [line[len("STATUS=") :] for lines in list(self.heard) for line in lines if line.startswith("STATUS=")]

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Until it holds; fails with what was said where it never does."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE_S), self.heard[-20:]

    def _listen(self) -> None:
        while True:
            message = self._socket.recv(65536).decode()
            if not message:
                return
            with self._changed:
                self.heard.append(message.splitlines())
                self._changed.notify_all()
