"""An archive of recordings: how many a second a core, what one worker and two make of their cores, and memory over 100,000."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import psutil
import pyarrow.parquet as pq
import soundfile
from distributed import Client

from benchmarks.process import look
from models.lab import cluster
from models.lab.archive.judge import Asked, judged, made_of
from models.lab.archive.listing import listed, tasks
from models.lab.archive.score import Where, score
from models.registry import DEFAULT

OPTIONS: dict[str, dict[str, Any]] = {
    "files": {"type": int, "metavar": "N", "help": "archive: over how many recordings memory is watched; default 100,000"}
}
CABIN = Path(__file__).parents[1] / "daemon" / "demo" / "cabin.flac"
SPOKEN_S = ((0.5, 4.2), (4.9, 8.2), (14.5, 18.7), (19.4, 23.7))
"""Where somebody speaks, each a recording: of these are the rounds."""
WORDS_S = ((1.0, 1.4), (0.0, 0.1), (0.0, 0.12), (0.0, 0.14))
"""Short ones, one with a word and three without: of these are the many, over which memory is watched."""
ROUND_FILES = 256
N_ROUNDS = 6
EFFICIENCY_AIM = 0.95
WATCH_S = 0.5


def measure(short: bool, plot: Path | None, files: int | None) -> dict[str, Any]:
    """In a new folder, which is removed in the end."""
    if plot is not None:
        raise SystemExit("archive draws nothing: leave --plot away")
    where = Path(tempfile.mkdtemp(prefix="affectd-archive-"))
    n_many = files or (300 if short else 100_000)
    try:
        spoken = _links(where / "spoken", SPOKEN_S, 16 if short else ROUND_FILES)
        found = _rounds(spoken, 1 if short else N_ROUNDS)
        found.update(_killed(spoken, where / "killed.parquet"))
        found.update(_memory(_links(where / "many", WORDS_S, n_many), where / "many.parquet"))
        return found
    finally:
        shutil.rmtree(where)


def _links(folder: Path, pieces_s: Sequence[tuple[float, float]], n_files: int) -> Path:
    """So many names for a few recordings."""
    folder.mkdir()
    samples, rate_hz = soundfile.read(CABIN, dtype="int16")
    for number in range(n_files):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        if number < len(pieces_s):
            begin, end = (int(seconds * rate_hz) for seconds in pieces_s[number])
            soundfile.write(path, samples[begin:end], rate_hz, subtype="PCM_16")
        else:
            os.link(folder / "000" / f"{number % len(pieces_s):06d}.wav", path)
    return folder


def _rounds(folder: Path, n_rounds: int) -> dict[str, Any]:
    """Nobody but this process, one worker, two: in turn, every second round in the reverse order."""
    paths = listed(folder).paths
    asked = Asked(DEFAULT, tuple(made_of(DEFAULT).items()))
    seconds = sum(row.seconds or 0.0 for task in tasks(paths, range(len(paths))) for row in judged(asked, task))
    wall: dict[int, list[float]] = {0: [], 1: [], 2: []}
    core: dict[int, list[float]] = {0: [], 1: [], 2: []}
    ours: dict[int, list[float]] = {0: [], 1: [], 2: []}
    with ExitStack() as stack:
        clients = {n: stack.enter_context(cluster.local(n)) for n in (1, 2)}
        for client in clients.values():
            _round(client, asked, paths)  # each worker opens the model
        for k in range(n_rounds):
            for n in (0, 1, 2) if k % 2 == 0 else (2, 1, 0):
                took = _round(clients.get(n), asked, paths)
                for kept, value in zip((wall, core, ours), took):
                    kept[n].append(value)
    core_s, n_files = float(np.median(core[0])), len(paths)
    one, two = (float(np.median(np.divide(wall[0], np.multiply(n, wall[n])))) for n in (1, 2))
    second = float(np.median(np.divide(wall[1], np.multiply(2, wall[2]))))
    work = {n: float(np.median(np.divide(core[0], core[n]))) for n in (1, 2)}
    return {
        "recordings": n_files,
        "mean_s": round(seconds / n_files, 2),
        "recordings_a_second_a_core": round(n_files / core_s, 1),
        "hours_of_sound_a_second_a_core": round(seconds / 3600 / core_s, 4),
        "milliseconds_of_a_core_a_recording": round(1e3 * core_s / n_files, 2),
        "rounds": n_rounds,
        **{f"wall_s_of_a_round_{n}_workers": [round(value, 2) for value in wall[n]] for n in wall},
        **{f"core_s_of_a_round_{n}_workers": [round(value, 2) for value in core[n]] for n in core},
        "by_the_clock_1_worker_beside_none": round(one, 3),
        "by_the_clock_2_workers_beside_twice_none": round(two, 3),
        "by_the_clock_2_workers_beside_twice_1": round(second, 3),
        "by_work_on_the_cores_1_worker": round(work[1], 3),
        "by_work_on_the_cores_2_workers": round(work[2], 3),
        "scheduler_and_client_share_of_the_work": round(float(np.median(np.divide(ours[2], core[2]))), 4),
        "aim": f">= {EFFICIENCY_AIM}: by the clock {_reached(second)}, by work {_reached(min(work.values()))}",
    }


def _reached(value: float) -> str:
    return "yes" if value >= EFFICIENCY_AIM else "MISSED"


def _round(client: Client | None, asked: Asked, paths: Sequence[str]) -> tuple[float, float, float]:
    """Seconds by the clock, on the cores in all, and on the cores in this process."""
    dealt = tasks(paths, range(len(paths)))
    pids = [] if client is None else list(client.run(os.getpid).values())
    before, core_s, began_s = time.process_time(), _core_s(pids), time.perf_counter()
    if client is None:
        n_done = sum(len(judged(asked, task)) for task in dealt)
    else:
        back = cluster.in_window(client, partial(judged, asked), dealt)
        n_done = sum(len(rows) for _, rows in back if isinstance(rows, list))
    wall_s = time.perf_counter() - began_s
    assert n_done == len(paths)
    own_s = time.process_time() - before
    return wall_s, own_s + _core_s(pids) - core_s, own_s


def _core_s(pids: Sequence[int]) -> float:
    return sum(look(pid).core_s for pid in pids)


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


class _Watch(threading.Thread):
    """Memory of this process and of its workers, every half a second, and a hand that kills one of them once if told to."""

    def __init__(self, kill_when: Path | None = None) -> None:
        super().__init__(daemon=True, name="watch")
        self.ours_mb: list[float] = []
        self.workers_mb: list[float] = []
        """Of the largest."""
        self.killed = 0
        self._kill_when = kill_when
        self._over = threading.Event()

    def __enter__(self) -> _Watch:
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


def _killed(folder: Path, out: Path) -> dict[str, Any]:
    """Two workers, of whom one is killed once the first part is on disk."""
    from models.lab.archive import listing, parts

    listing_before, parts_before = listing.FILES_A_TASK, parts.PART_S
    listing.FILES_A_TASK, parts.PART_S = 4, 0.0
    try:
        with _Watch(out.with_name(f"{out.name}.parts")) as watch:
            score(listed(folder), out, DEFAULT, Where(n_workers=2))
    finally:
        listing.FILES_A_TASK, parts.PART_S = listing_before, parts_before
    paths = pq.read_table(out, columns=["path"])["path"].to_pylist()
    return {
        "workers_killed": int(watch.killed > 0),
        "recordings_lost": len(set(listed(folder).paths) - set(paths)),
        "recordings_twice": len(paths) - len(set(paths)),
    }


def _memory(folder: Path, out: Path) -> dict[str, Any]:
    """MB that are no file's: after a hundredth of the time, at its half and its end, and at most."""
    began_s = time.monotonic()
    with _Watch() as watch:
        done = score(listed(folder), out, DEFAULT, Where(n_workers=2))
    told: dict[str, Any] = {"many": done.n_all, "many_bad": done.n_bad, "many_took_s": round(time.monotonic() - began_s, 1)}
    for name, seen in (("worker", watch.workers_mb), ("client", watch.ours_mb)):
        tenths = [round(float(np.median(part)), 1) for part in np.array_split(seen, 10) if len(part)]
        told[f"{name}_mb_by_tenth_of_the_time"] = tenths
        told[f"{name}_mb_at_most"] = round(max(seen), 1)
    return told
