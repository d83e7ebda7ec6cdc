"""An archive while it is judged: memory of the workers and of who deals the work, and a worker that is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq

from benchmarks.process import look
from models.lab.archive import listing, parts
from models.lab.archive.listing import listed
from models.lab.archive.score import Where, score
from models.registry import DEFAULT

WATCH_S = 0.5


def _workers() -> list[int]:
    """Children of this process that were spawned to work."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


class Watch(threading.Thread):
    """Memory of this process and of its workers, every half a second, and a hand that kills one of them once if told to."""

    def __init__(self, kill_when: Path | None = None) -> None:
        super().__init__(daemon=True, name="watch")
        self.ours_mb: list[float] = []
        self.workers_mb: list[float] = []
        """Of the largest."""
        self.killed = 0
        self._kill_when = kill_when
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Until the context ends."""
        while not self._over.wait(WATCH_S if self._kill_when is None else 0.05):
            pids = _workers()
            try:
                each = [look(pid).anonymous_mb for pid in pids]
            except (OSError, KeyError, ValueError):  # one that has just ended
                continue
            if each:
                self.workers_mb.append(max(each))
                self.ours_mb.append(look(os.getpid()).anonymous_mb)
            if self._kill_when is not None and not self.killed and pids and any(self._kill_when.glob("*.parquet")):
                self.killed = pids[-1]
                os.kill(self.killed, signal.SIGKILL)


def killed(folder: Path, out: Path) -> dict[str, Any]:
    """Two workers, of whom one is killed once the first part is on disk."""
    listing_before, parts_before = listing.FILES_A_TASK, parts.PART_S
    listing.FILES_A_TASK, parts.PART_S = 4, 0.0
    try:
        with Watch(out.with_name(f"{out.name}.parts")) as watch:
            score(listed(folder), out, DEFAULT, Where(n_workers=2))
    finally:
        listing.FILES_A_TASK, parts.PART_S = listing_before, parts_before
    paths = pq.read_table(out, columns=["path"])["path"].to_pylist()
    return {
        "workers_killed": int(watch.killed > 0),
        "recordings_lost": len(set(listed(folder).paths) - set(paths)),
        "recordings_twice": len(paths) - len(set(paths)),
    }


def memory(folder: Path, out: Path) -> dict[str, Any]:
    """MB that are no file's: after a hundredth of the time, at its half and its end, and at most."""
    began_s = time.monotonic()
    with Watch() as watch:
        done = score(listed(folder), out, DEFAULT, Where(n_workers=2))
    told: dict[str, Any] = {"many": done.n_all, "many_bad": done.n_bad, "many_took_s": round(time.monotonic() - began_s, 1)}
    for name, seen in (("worker", watch.workers_mb), ("client", watch.ours_mb)):
        tenths = [round(float(np.median(part)), 1) for part in np.array_split(seen, 10) if len(part)]
        told[f"{name}_mb_by_tenth_of_the_time"] = tenths
        told[f"{name}_mb_at_most"] = round(max(seen), 1)
    return told
