"""The two clocks: the system's, and one that is moved by the sound alone."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from daemon.events import Block

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class SystemClock:
    """perf_counter for durations, the wall clock for dates. Capture threads `ring` it when a block is there."""

    def __init__(self) -> None:
        # a lock, and no SimpleQueue: until Python 3.13 a signal in the last moment of that one's timeout makes it wait for ever
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Called from audio callbacks: ends a wait. Never blocks."""
        # it may be ringing already
        with suppress(RuntimeError):
            self._bell.release()

    def heard(self, block: Block) -> None:
        """Nothing to do: this clock moves by itself."""

    def now_ns(self) -> int:
        """time.perf_counter_ns()"""
        return time.perf_counter_ns()

    def at(self) -> str:
        """Now."""
        return _rfc3339(datetime.now(timezone.utc))

    def wait(self, seconds: float) -> None:
        """Until the bell rings, or so long."""
        self._bell.acquire(timeout=seconds)


class StepClock:
    """Stands at the newest sample heard: a replay gives the same times whenever and however fast it runs."""

    def __init__(self) -> None:
        self._now_ns = 0

    def heard(self, block: Block) -> None:
        """Move on to the end of the block."""
        self._now_ns = max(self._now_ns, block.captured_ns)

    def now_ns(self) -> int:
        """Nanoseconds of sound since the recording began."""
        return self._now_ns

    def at(self) -> str:
        """The recording began at 1970-01-01T00:00:00Z."""
        return _rfc3339(EPOCH + timedelta(microseconds=self._now_ns // 1000))

    def wait(self, seconds: float) -> None:
        """A recording paces itself, so this is a plain sleep."""
        time.sleep(seconds)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
