"""`affectd collect` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).parents[2]
PATIENCE_S = 200.0
"""For a process to start, too, on a machine that has much else to do."""


class Collecting:
    """Use it as a context, entered once it is subscribed; it is killed in the end."""

    def __init__(self, into: Path, *arguments: str, every_s: float = 0.2) -> None:
        command = [sys.executable, "-m", "daemon", "collect", "--into", str(into), "--every", str(every_s), *arguments]
        self.child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._changed = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Collecting:
        self.await_said("collecting from")
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def await_said(self, text: str) -> str:
        """The line with that in it."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or any(text in line for line in self.said), PATIENCE_S)
            assert any(text in line for line in self.said), self.said
            return next(line for line in self.said if text in line)

    def kill(self) -> None:
        """SIGKILL."""
        self.child.kill()
        self._wait()

    def end(self) -> str:
        """SIGTERM; its last words."""
        self.child.terminate()
        self._wait()
        assert self.child.returncode == 0, self.said
        return self.said[-1]

    def _wait(self) -> None:
        self.child.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            with self._changed:
                self.said.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()


def await_that(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.05)
