"""`affectd-lab score`: the recordings of a listing judged, in this process or in many, and one result of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, Sequence

import numpy as np

from models.lab.archive.judge import Asked, Row, Task, judged, labels_of, made_of
from models.lab.archive.listing import Listing, tasks
from models.lab.archive.parts import Parts
from models.lab.archive.progress import Progress

KILLED = "every worker that judged it was killed, several times: by its want of memory, or a library that fell over it"


@dataclass(frozen=True)
class Where:
    """Who does the work: a scheduler's workers, else so many processes of this machine, else (0) this one alone."""

    n_workers: int = 0
    scheduler: str | None = None


@dataclass(frozen=True)
class Scored:
    """What a run did."""

    n_all: int
    n_now: int
    """Judged by this run, and not by an earlier one that was ended."""
    n_bad: int
    """Of those."""
    seconds: float
    """Of sound, in those."""


def score(listing: Listing, out: Path, model: str, where: Where) -> Scored:
    """Write the result to `out`, a row for each recording in the listing's order; a bad recording's row says what was wrong.

    Goes on from what an earlier call left beside `out`. The rows are the same, whoever does the work, but for the
    milliseconds. Raises LabError; what was judged by then is kept.
    """
    model = str(Path(model).absolute()) if "/" in model or model.endswith(".onnx") else model
    asked = Asked(model, tuple(made_of(model).items()))
    identity = {**dict(asked.made_of), "recordings": f"{len(listing.paths)}", "recordings' sha256": listing.sha256}
    n_now, n_bad, seconds = 0, 0, 0.0
    with Parts(out, listing.paths, labels_of(model), identity) as parts:
        n_before = int(parts.done.sum())
        if parts.is_whole:
            return Scored(len(listing.paths), 0, 0, 0.0)
        progress = Progress(len(listing.paths), n_before)

        def tick() -> None:
            parts.write_in_time()
            progress.tick()

        missing = np.flatnonzero(~parts.done).tolist()
        for rows in _rows(asked, tasks(listing.paths, missing), where, tick) if missing else ():
            parts.add(rows)
            bad = sum(row.error is not None for row in rows)
            n_now, n_bad = n_now + len(rows), n_bad + bad
            seconds += sum(row.seconds or 0.0 for row in rows)
            progress.add(len(rows), bad)
        parts.finish()
    return Scored(len(listing.paths), n_now, n_bad, seconds)


def _rows(asked: Asked, dealt: Iterator[Task], where: Where, tick: Callable[[], None]) -> Iterator[Sequence[Row]]:
    """As they are judged."""
    if where.scheduler is None and not where.n_workers:
        yield from (judged(asked, task) for task in dealt)
        return
    from distributed import KilledWorker

    from models.lab import cluster

    with cluster.workers(where.n_workers, where.scheduler) as client:
        cluster.require_same(client, made_of, asked.model)
        torn: list[Task] = []
        for task, made in cluster.in_window(client, partial(judged, asked), dealt, tick):
            if isinstance(made, KilledWorker):
                torn.append(task)
            else:
                yield made
        # one of each of these ended whoever judged it: each alone in the cluster, it is found which
        singly = (one for task in torn for one in task.singly())
        for task, made in cluster.in_window(client, partial(judged, asked), singly, tick, n_out=1):
            yield [Row(task.rows[0], 0.0, KILLED)] if isinstance(made, KilledWorker) else made
