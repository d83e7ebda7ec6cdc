"""What `affectd collect` does with each message, whoever brings it: written first, acknowledged then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Callable, Sequence

from daemon.collect.archive import QUARANTINE, Archive
from daemon.collect.recent import Recent
from daemon.collect.row import Bad, Row, row_of
from daemon.collect.twins import Twins
from daemon.delivery.subscription import Arrived
from daemon.listen.lines import printable

CLOCK_AHEAD = timedelta(minutes=5)
"""Nothing is said in the future: so far ahead is a clock that is wrong, and not two that differ a little."""
LONGEST_SAID = 200
"""Of what came over the network."""
WRITERS = 8
"""Files that are synced at a time: a disk takes many together as fast as one."""

Done = Callable[[], None]


@dataclass
class _Part:
    """What becomes one file, and how its messages are acknowledged."""

    rows: list[Row] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)


@dataclass
class Counts:
    """Since the start."""

    n_written: int = 0
    n_files: int = 0
    n_again: int = 0
    n_bad: int = 0
    n_thrown_away: int = 0
    """Of the bad: there was no more room for them."""


class Collector:
    """Gathers messages and writes them by day and node."""

    def __init__(self, archive: Archive, now: Callable[[], datetime], remark: Callable[[str], None]) -> None:
        """`now`: in UTC; `remark`: what an operator is to know, said again each time."""
        self._archive = archive
        self._now = now
        self._remark = remark
        self._recent = Recent()
        self._twins = Twins()
        self._parts: dict[tuple[str, str], _Part] = {}
        self._bad: list[Bad] = []
        self._bad_done: list[Done] = []
        self.counts = Counts()
        self.n_waiting = 0
        """Messages that are not acknowledged yet."""

    def take(self, arrived: Arrived) -> None:
        """A message; it is acknowledged once it is durable."""
        self.n_waiting += 1
        row = row_of(arrived.topic, arrived.payload, self._now())
        bad = row if isinstance(row, Bad) else self._recent.differs(row)
        if bad is not None:
            self._bad.append(bad)
            self._bad_done.append(arrived.done)
            return
        assert isinstance(row, Row)
        part = self._parts.setdefault((row.day, row.node), _Part())
        part.done.append(arrived.done)
        if self._recent.has(row):
            # it is in this very part, or in a file: either way it is durable when the part is
            self.counts.n_again += 1
            return
        self._recent.add(row)
        part.rows.append(row)
        self._look_at(row)

    def flush(self) -> OSError | None:
        """Write what waits and acknowledge it; why not all of it could be written: that waits for the next time."""
        parts = list(self._parts.items())
        with ThreadPoolExecutor(WRITERS) as writers:
            troubles = list(writers.map(self._written, [part.rows for _, part in parts]))
        for (key, part), trouble in zip(parts, troubles):
            if trouble is None:
                self.counts.n_written += len(part.rows)
                self.counts.n_files += bool(part.rows)
                self._settle(part.done)
                del self._parts[key]
        return next((trouble for trouble in [*troubles, self._put_apart()] if trouble), None)

    def _written(self, rows: Sequence[Row]) -> OSError | None:
        try:
            if rows:
                self._archive.write_rows(rows)
        except OSError as trouble:
            return trouble
        return None

    def _put_apart(self) -> OSError | None:
        """What is no message of ours is kept where nobody takes it for one."""
        if not self._bad:
            return None
        try:
            is_kept = self._archive.write_bad(self._bad)
        except OSError as trouble:
            return trouble
        self.counts.n_bad += len(self._bad)
        self.counts.n_thrown_away += 0 if is_kept else len(self._bad)
        where = f"kept in {QUARANTINE}/" if is_kept else f"thrown away, as {QUARANTINE}/ is full"
        for bad in self._bad:
            topic, why = (printable(text[:LONGEST_SAID]) for text in (bad.topic, bad.why))
            self._remark(f"on {topic} came what is no message of affectd: {why}; {where}")
        self._settle(self._bad_done)
        self._bad, self._bad_done = [], []
        return None

    def _settle(self, done: Sequence[Done]) -> None:
        for each in done:
            each()
        self.n_waiting -= len(done)

    def _look_at(self, row: Row) -> None:
        """For what is wrong with its sender, though not with the message."""
        ahead = row.said_at - row.received_at
        if ahead > CLOCK_AHEAD:
            self._remark(f"node {row.node}: its clock is ahead of ours by {_hours(ahead)}; its events go to its own days")
        twins = self._twins.seen(row)
        if twins:
            self._remark(
                f"node {row.node}: two cabins have this name (boots {twins[0]} and {twins[1]}, by turns); nothing is mixed up "
                "in the archive, but they put each other out at the broker: give each its own [node] name"
            )


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600.0:.1f} h"
