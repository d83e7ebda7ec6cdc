"""jtop, the service of a Jetson that knows its watts. It may stop, restart and stall: readings come again when it is back."""

from __future__ import annotations

import errno
import importlib.util
import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from daemon.power.jtop_reading import JtopReadings
from daemon.power.reading import NoSource, Reading

logger = logging.getLogger(__name__)

SOCKET = "/run/jtop.sock"
"""Where jtop.service listens."""
TEGRA = "/etc/nv_tegra_release"
"""Is on every Jetson."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
BEGINS_S = 15.0
"""Until the first reading of a connection: a Jetson takes seconds to load Python, and jtop some to begin."""
STALLED_STEPS = 3.0
LEAST_STALL_S = 3.0
KEPT = 1000
RUN_IT = "type: sudo systemctl restart jtop"
JOIN_IT = "be a member of the group jtop: sudo usermod -aG jtop USER, then log in again"
WHY = {
    errno.ENOENT: f"jtop.service is not running; {RUN_IT}",
    errno.ECONNREFUSED: f"jtop.service is not running; {RUN_IT}",
    errno.EACCES: f"{SOCKET} may not be used; {JOIN_IT}",
    errno.EAGAIN: f"jtop.service takes no connection; {RUN_IT}",
}
PACKAGES = Path(__file__).parents[2]
"""Python's -m looks first where it is begun."""
Line = Mapping[str, Any]


def require() -> None:
    """Raises NoSource where there is no jtop, and never will be one as things are."""
    is_jetson = os.path.exists(TEGRA) or os.path.exists(SOCKET)
    if not is_jetson:
        raise NoSource("jtop: this is no Jetson")
    if importlib.util.find_spec("jtop") is None:
        raise NoSource("jtop: jetson-stats is not installed; type: pip install jetson-stats, of the version of jtop.service")


class JtopSource:
    """One thread that begins `jtop_child`, reads what it prints, and kills it when it says nothing any more."""

    name = "jtop"

    def __init__(self, interval_s: float) -> None:
        """jtop keeps to the interval of whoever was connected first."""
        self.trouble = "jtop.service has not answered yet"
        self._interval_s = interval_s
        self._made = JtopReadings()
        self._readings: deque[Reading] = deque(maxlen=KEPT)
        self._over = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="jtop", daemon=True)
        self._thread.start()

    def read(self) -> Sequence[Reading]:
        """All that have come."""
        found = []
        with suppress(IndexError):
            while True:
                found.append(self._readings.popleft())
        return found

    def close(self) -> None:
        """Its child ends, too."""
        self._over.set()
        child = self._child
        if child:
            child.kill()
        self._thread.join(LONGEST_PAUSE_S)

    # ---- the thread ----

    def _work(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._over.is_set():
            n_readings = 0
            try:
                why = unreachable(SOCKET)
                if not why:
                    n_readings, why = self._live()
            except Exception as trouble:
                # whatever it is (no memory for a process, say), it must be tried again
                logger.exception("what reads jtop has failed: I begin it again")
                why = f"what reads jtop has failed: {trouble}"
            self.trouble = why
            pause_s = FIRST_PAUSE_S if n_readings else min(2.0 * pause_s, LONGEST_PAUSE_S)
            self._over.wait(pause_s)

    def _live(self) -> tuple[int, str]:
        """One connection to its end: how many readings it brought, and why it ended."""
        command = [sys.executable, "-m", "daemon.power.jtop_child", str(self._interval_s)]
        # its input is never written to: it ends with us, by that
        child = subprocess.Popen(
            command, cwd=PACKAGES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._child = child
        n_readings, why = 0, f"jtop.service does not answer; {RUN_IT}"
        try:
            if self._over.is_set():
                return 0, ""
            for line in self._lines(child):
                if "trouble" in line:
                    why = f"jtop.service: {line['trouble']}"
                    continue
                self._readings.append(self._made.of(line, time.monotonic()))
                self.trouble = ""
                n_readings += 1
        finally:
            self._child = None
            _end(child)
        return n_readings, why

    def _lines(self, child: subprocess.Popen[bytes]) -> Iterator[Line]:
        """What it prints, until it ends or says nothing for too long."""
        assert child.stdout is not None
        waiting = select.poll()
        waiting.register(child.stdout, select.POLLIN)
        rest, patience_s = b"", BEGINS_S + STALLED_STEPS * self._interval_s
        while waiting.poll(1000.0 * patience_s):
            read = os.read(child.stdout.fileno(), 65536)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                with suppress(ValueError):
                    told = json.loads(line)
                    yield told
                    patience_s = max(LEAST_STALL_S, STALLED_STEPS * float(told.get("every_s", 1.0)))


def unreachable(place: str) -> str:
    """Why no connection can be made to the socket at `place`; empty: one can. Costs little, where jtop's client does not."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(place)
        except OSError as trouble:
            return WHY.get(trouble.errno or 0, f"{place}: {trouble.strerror}; {RUN_IT}")
    return ""


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    for end in (child.stdin, child.stdout):
        if end:
            with suppress(OSError):
                end.close()
    child.wait()
