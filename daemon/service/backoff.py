"""How long a start waits after others that did not last. systemd does that itself from 254 on only (`RestartSteps=`)."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from daemon.ports import Stop
from daemon.service.notify import Notifier

logger = logging.getLogger(__name__)

STEADY_S = 60.0
"""A service that has run so long had a good start."""
FIRST_S = 1.0
LONGEST_S = 60.0
MORE_S = 60.0
"""For the start itself."""
LOOK_EVERY_S = 0.1
NAME = "starts.json"


@dataclass(frozen=True)
class Starts:
    """What is known of the starts before this one."""

    failed: int = 0
    """Running."""
    at_s: float = float("-inf")
    """When the newest one began to work, after its pause; monotonic."""


def pause_s(failed: int) -> float:
    """None after the first failure, which may be chance; then 1, 2, 4, ... 60 s."""
    return 0.0 if failed < 2 else float(min(LONGEST_S, FIRST_S * 2.0 ** min(failed - 2, 30)))


def next_start(before: Starts, now_s: float) -> Starts:
    """This one, which begins to work after its pause."""
    failed = 0 if now_s - before.at_s >= STEADY_S else before.failed + 1
    return Starts(failed, now_s + pause_s(failed))


class BackOff:
    """Keeps count in a folder that outlives the process, but no boot of the machine, as $RUNTIME_DIRECTORY; "": it does not."""

    def __init__(self, folder: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(folder) / NAME if folder else None
        self._now_s = now_s

    def wait(self, notifier: Notifier, stop: Stop) -> None:
        """A start: wait as long as it is to, unless stopped."""
        seconds = self.begin()
        if seconds > 0.0:
            logger.warning("the last starts have failed: this one waits for %g s", seconds)
            notifier.extend(seconds + MORE_S)
            notifier.status(f"the last starts have failed: this one waits for {seconds:g} s")
        until_s = self._now_s() + seconds
        while self._now_s() < until_s and not stop.is_set():
            time.sleep(LOOK_EVERY_S)

    def begin(self) -> float:
        """A start: the seconds that it is to wait."""
        if self._path is None:
            return 0.0
        now_s = self._now_s()
        start = next_start(_read(self._path), now_s)
        try:
            self._path.write_text(json.dumps({"failed": start.failed, "at_s": start.at_s}), encoding="utf-8")
        except OSError as trouble:
            logger.warning("%s cannot be written: %s: a start that fails is repeated at once", self._path, trouble.strerror)
            return 0.0
        return max(0.0, start.at_s - now_s)

    def end(self) -> None:
        """The service ends as it was asked to: that is no failure."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()


def _read(path: Path) -> Starts:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Starts(int(found["failed"]), float(found["at_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Starts()
