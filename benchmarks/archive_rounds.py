"""What an archive costs: nobody but this process, one worker of Dask's, and two, in turn."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from distributed import Client

from benchmarks.archive import EFFICIENCY_AIM
from benchmarks.process import look
from models.lab import cluster
from models.lab.archive.judge import Asked, judged, made_of
from models.lab.archive.listing import listed, tasks
from models.registry import DEFAULT


def rounds(folder: Path, n_rounds: int) -> dict[str, Any]:
    """Every second round in the reverse order. The first of each side, in which workers open the model, does not count."""
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
