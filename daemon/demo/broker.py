"""A private mosquitto: a child process on a free loopback port, gone when its owner goes."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from daemon.errors import BrokerError

# Debian keeps it where an ordinary user's PATH does not look
PLACES = "/usr/sbin:/usr/local/sbin"
START_S = 10.0


class PrivateBroker:
    """mosquitto on 127.0.0.1, anonymous, nothing on disk but its settings. Use it as a context."""

    def __init__(self, port: int = 0, *more: str) -> None:
        """`port` 0: any free one. `more`: lines for its settings. Raises BrokerError when mosquitto is not installed."""
        found = shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)
        if found is None:
            raise BrokerError("mosquitto is not installed: type `sudo apt install mosquitto`")
        self._program = found
        self.port = port or free_port()
        self._more = more

    def __enter__(self) -> PrivateBroker:
        self._require_free()
        self._folder = tempfile.TemporaryDirectory(prefix="affectd-broker-")
        settings = Path(self._folder.name) / "mosquitto.conf"
        lines = ("allow_anonymous true", "persistence false", "log_dest stderr", "log_type error", *self._more)
        settings.write_text("\n".join([f"listener {self.port} 127.0.0.1", *lines, ""]))
        log = Path(self._folder.name) / "log"
        with log.open("wb") as stderr:
            self._child = subprocess.Popen(
                [self._program, "-c", str(settings)], stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            self._await_listening(log)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the child and forget its folder."""
        self._child.terminate()
        self._child.wait()
        self._folder.cleanup()

    def _require_free(self) -> None:
        """Whoever listens there already would answer in the child's place."""
        with socket.socket() as probe:
            # as mosquitto does: connections that have just ended do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as trouble:
                raise BrokerError(
                    f"port {self.port} cannot be had ({trouble.strerror}): give another one with --port"
                ) from trouble

    def _await_listening(self, log: Path) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._child.poll() is not None:
                said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise BrokerError(f"mosquitto cannot run on port {self.port}: {said[-1]}; give another one with --port")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=0.1):
                    return
            except OSError:
                time.sleep(0.01)
        raise BrokerError(f"mosquitto does not answer on port {self.port} after {START_S:g} s")


def free_port() -> int:
    """A loopback port that nobody listens on now.

    It is none of those that the system gives to connections (from 32768 on): who connects to one of these again and again while
    nobody listens there is connected to himself one day, and the port is taken.
    """
    while True:
        port = random.randrange(20000, 32768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
