"""What a person sees: results on stdout, remarks and complaints on stderr, each one line."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Callable


def line(text: str) -> None:
    """A result. What is not UTF-8 in a file's name is told by escapes that JSON knows."""
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"), flush=True)


def say(text: str) -> None:
    """A remark."""
    print(f"affectd: {text}", file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """An error."""
    print(f"affectd: error: {text}", file=sys.stderr, flush=True)


def stop_on_signals() -> threading.Event:
    """Set by SIGTERM, and by Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def call_on_hangup(callback: Callable[[], None]) -> None:
    """On SIGHUP; where a person's terminal sends it as it is closed, it ends the program, as ever."""
    if not (sys.stdin and sys.stdin.isatty()):
        signal.signal(signal.SIGHUP, lambda *_: callback())
