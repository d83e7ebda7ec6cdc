"""Another process as the kernel sees it: /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """What it has at this moment, and the time on the core that it has had."""

    rss_mb: float
    anonymous_mb: float
    """Of it, what is no file's: the kernel cannot take it away and read it again."""
    descriptors: int
    threads: int
    core_s: float


def look(pid: int) -> Process:
    """Raises OSError when there is no such process any more."""
    place = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    # the program's name, in brackets, may hold spaces
    ticks = (place / "stat").read_text().rpartition(")")[2].split()
    return Process(
        rss_mb=_mb(status["VmRSS"]),
        anonymous_mb=_mb(status["RssAnon"]),
        descriptors=len(list((place / "fd").iterdir())),
        threads=int(status["Threads"]),
        core_s=(int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
    )


def below(pid: int) -> list[int]:
    """The children of a process, by any of its threads."""
    tasks = Path("/proc") / str(pid) / "task"
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def _mb(told: str) -> float:
    """Of "12345 kB"."""
    return round(int(told.split()[0]) * 1024 / 1e6, 2)
