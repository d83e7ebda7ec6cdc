"""Sides that take turns on one core: what slows one round down slows all of them down."""

from __future__ import annotations

import gc
import os
import sys
import time
from dataclasses import dataclass
from typing import Callable, Dict, Mapping

import numpy as np
from numpy.typing import NDArray

Side = Callable[[int], object]
"""Does its work for round number i."""

Rounds = Dict[str, NDArray[np.int64]]
"""Nanoseconds on the core of each round, by side."""


@dataclass(frozen=True)
class Times:
    """What many rounds of one side took."""

    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    count: int

    @classmethod
    def of(cls, ns: NDArray[np.int64]) -> Times:
        """The summary of (n,) nanoseconds."""
        p50, p90, p99 = np.percentile(ns, (50, 90, 99)) / 1e3
        return cls(float(p50), float(p90), float(p99), float(ns.max()) / 1e3, len(ns))


def one_core() -> None:
    """Keep this process and its children on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def alternate(sides: Mapping[str, Side], n_rounds: int, calls: int = 1) -> Rounds:
    """Time `n_rounds` rounds of every side, in turn; every second round in the reverse order.

    A round is `calls` calls, and its time is one call's share: for work that is short beside the clock. What is counted
    is the thread's own time on the core, so that another program that gets the core between does not show.
    """
    times = {name: np.zeros(n_rounds, np.int64) for name in sides}
    there, back = list(sides.items()), list(sides.items())[::-1]
    gc.disable()
    try:
        for i in range(n_rounds):
            for name, side in back if i % 2 else there:
                started_ns = time.thread_time_ns()
                for _ in range(calls):
                    side(i)
                times[name][i] = (time.thread_time_ns() - started_ns) // calls
    finally:
        gc.enable()
    return times


def joined(parts: list[Rounds]) -> Rounds:
    """The rounds of several runs, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def ratio(above: NDArray[np.int64], below: NDArray[np.int64]) -> float:
    """Median of the ratios, pair by pair: what both sides suffered cancels out.

    A pair is two rounds, there and back, since who comes after a long one finds the caches cold; a last odd one is left out.
    """
    return float(np.median(_there_and_back(above) / _there_and_back(below)))


def _there_and_back(ns: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(ns) == 1:
        return ns
    return np.asarray(ns[: len(ns) // 2 * 2].reshape(-1, 2).sum(axis=1), np.int64)


class Progress:
    """Says on stderr which stage begins and how long the rest will take, from what the stages took so far."""

    def __init__(self, expected_s: Mapping[str, float]) -> None:
        self._expected_s = dict(expected_s)
        self._names = list(expected_s)
        self._started = time.perf_counter()

    def stage(self, name: str) -> None:
        """The stage of that name begins."""
        at = self._names.index(name)
        before_s = sum(self._expected_s[earlier] for earlier in self._names[:at])
        left_s = sum(self._expected_s.values()) - before_s
        pace = (time.perf_counter() - self._started) / before_s if before_s else 1.0
        print(f"{at + 1}/{len(self._names)} {name}: about {left_s * pace:.0f} s left", file=sys.stderr, flush=True)
