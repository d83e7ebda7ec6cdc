"""How far a run is, on stderr: a bar that is drawn over where that is a terminal, and else a line now and then."""

from __future__ import annotations

import sys
import time

BAR = 20
TERMINAL_S, LINE_S = 0.5, 5.0


class Progress:
    """Of recordings. What an earlier run judged stands in the bar, and not in the pace."""

    def __init__(self, n_all: int, n_before: int) -> None:
        self._n_all, self._n_done, self._n_before = n_all, n_before, n_before
        self._n_bad = 0
        self._began_s = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._said_s = self._began_s

    def add(self, n_done: int, n_bad: int) -> None:
        """So many more."""
        self._n_done += n_done
        self._n_bad += n_bad
        self.tick()

    def tick(self) -> None:
        """Say it, if it was said long ago, or all is done."""
        now_s = time.monotonic()
        if now_s - self._said_s >= (TERMINAL_S if self._terminal else LINE_S) or self._n_done == self._n_all:
            self._said_s = now_s
            over = "\r" if self._terminal and self._n_done < self._n_all else "\n"
            print(self._line(now_s - self._began_s), end=over, file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        filled = BAR * self._n_done // self._n_all
        bar = "█" * filled + "·" * (BAR - filled)
        said = f"score: {bar} {self._n_done} of {self._n_all}, {self._n_bad} bad"
        n_now = self._n_done - self._n_before
        if not n_now:
            return said
        left_s = seconds / n_now * (self._n_all - self._n_done)
        return f"{said}, {n_now / max(seconds, 1e-3):.1f} a second, about {left_s:.0f} s left "
