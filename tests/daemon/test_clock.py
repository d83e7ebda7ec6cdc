"""The system's clock: a wait ends by its bell, by its time, and whatever signals come meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from daemon.clock import SystemClock

ROOT = Path(__file__).parents[2]
LONG_S = 60.0
WAITS_AMID_SIGNALS = """
import signal
from daemon.clock import SystemClock
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.00071)
clock = SystemClock()
for _ in range(2000):
    clock.wait(0.001)
signal.setitimer(signal.ITIMER_REAL, 0.0)
"""
"""A signal in the last microseconds of a wait is what `queue.SimpleQueue` did not survive: within some fifty of these."""


def test_the_bell_ends_a_wait_from_another_thread_and_is_kept_until_then() -> None:
    clock = SystemClock()
    clock.ring()
    clock.ring()
    began_s = time.monotonic()
    clock.wait(LONG_S)
    threading.Timer(0.05, clock.ring).start()
    clock.wait(LONG_S)
    assert time.monotonic() - began_s < LONG_S
    clock.wait(0.001)


def test_signals_lengthen_no_wait() -> None:
    subprocess.run([sys.executable, "-c", WAITS_AMID_SIGNALS], cwd=ROOT, check=True, timeout=120)
