"""A mosquitto that keeps its sessions on disk, and is killed and started again on the same port."""

from __future__ import annotations

import getpass
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from daemon.demo.broker import PLACES, free_port
from tests.daemon.wire import PATIENCE_S


class KillableBroker:
    """Use it as a context; `folder` outlives its deaths.

    It writes down its sessions once a second: what it has acknowledged within the second before a SIGKILL and not yet
    passed on is lost with it. A sender can do nothing about that.
    """

    def __init__(self, folder: Path) -> None:
        found = shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)
        assert found, "mosquitto is not installed"
        self._program = found
        self.port = free_port()
        self._log = folder / "log"
        self._settings = folder / "mosquitto.conf"
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(
            f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n"
            # by default it drops what waits beyond 1000 for one subscriber
            "max_queued_messages 0\nmax_inflight_messages 0\nlog_dest stderr\nlog_type error\n"
        )

    def __enter__(self) -> KillableBroker:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Until it answers."""
        with self._log.open("ab") as stderr:
            command = [self._program, "-c", str(self._settings)]
            self._child = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True)
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.1).close()
                return
            except OSError:
                assert self._child.poll() is None, self._log.read_text(errors="replace")
                assert time.monotonic() < until_s, "mosquitto does not answer"
                time.sleep(0.01)

    def save(self) -> None:
        """Have it write down its sessions now."""
        if self._child:
            self._child.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """SIGKILL."""
        if self._child:
            self._child.kill()
            self._child.wait()
            self._child = None
