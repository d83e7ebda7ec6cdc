"""What came, what came twice, and what never came, by the numbers that the sender gave.

A node numbers all that it commits (utterance, episode, state, gap) in one row that goes on over its restarts; each number
belongs to the `boot` that committed it. So a number that is left out was a message: dropped by the sender, which a gap record
tells later; or lost on the way; or a state that had expired before it could be handed over, which only happens to who was away.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Iterable

from daemon.delivery.outbox.ranges import Range, Ranges

GRACE_S = 30.0
"""A number may come late, and a gap record comes after what was kept: so long nothing is said of it."""
MOST_NODES = 1000
MOST_BOOTS = 16
"""Of a node; then the one silent for longest is forgotten."""
MOST_HOLES = 1000
"""Of a row of numbers; then the oldest is told at once, and forgotten: what fills it later counts as having come before."""
MOST_RETAINED = 1000


@dataclass(frozen=True)
class Missing:
    """Numbers that did not come and that no gap record names."""

    node: str
    boot: str
    """Of the message that showed it: those missing may be of the boot before."""
    first_seq: int
    last_seq: int
    away: bool
    """We were not connected all the time between the messages before and after: states may have expired meanwhile."""


@dataclass
class _Hole:
    missing: Missing
    since_s: float
    told: bool = False


class _Row:
    """One row of numbers."""

    def __init__(self) -> None:
        self.seen = Ranges()
        self.named = Ranges()
        self.holes: list[_Hole] = []
        self.away = False

    def close(self, first: int, last: int) -> None:
        """These are accounted for."""
        self.holes = [left for hole in self.holes for left in _without(hole, first, last)]


class _Node:
    def __init__(self) -> None:
        self.rows: OrderedDict[str, _Row] = OrderedDict()
        """By boot; several boots share a row."""
        self.newest = _Row()


class Ledger:
    """Counts by (node, boot, seq), in bounded memory. Times are seconds of any clock that does not jump."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._nodes: OrderedDict[str, _Node] = OrderedDict()
        self._retained: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        self._forgotten: list[Missing] = []
        self._n_forgotten = 0
        self.n_again = 0
        """Messages that had come before."""
        self.n_dropped = 0
        """Numbers that gap records name, and that never came."""

    @property
    def n_missing(self) -> int:
        """Numbers told as missing, but for those that came or were named after all."""
        return self._n_forgotten + sum(_size(hole.missing) for row in self._rows() for hole in row.holes if hole.told)

    def take(self, node: str, boot: str, seq: int, now_s: float) -> bool:
        """A message came. True when it is the first time."""
        row = self._row(node, boot, seq)
        again = seq in row.seen or (node, boot, seq) in self._retained
        newest = row.seen.last
        if newest and seq > newest + 1:
            row.holes.append(_Hole(Missing(node, boot, newest + 1, seq - 1, row.away), now_s))
            if len(row.holes) > MOST_HOLES:
                self._forget(row.holes.pop(0))
        row.away = False
        row.close(seq, seq)
        _add(row.seen, seq, seq)
        self.n_again += again
        return not again

    def take_retained(self, node: str, boot: str, seq: int) -> bool:
        """The broker's last word on a topic, from whenever: it shows no hole. True when it has not come before."""
        rows = self._nodes[node].rows if node in self._nodes else {}
        again = (node, boot, seq) in self._retained or (boot in rows and seq in rows[boot].seen)
        self._retained[(node, boot, seq)] = None
        if len(self._retained) > MOST_RETAINED:
            self._retained.popitem(last=False)
        self.n_again += again
        return not again

    def name(self, node: str, boot: str, spans: Iterable[Range]) -> int:
        """A gap record, which was taken itself before, names these. How many of them never came."""
        row = self._row(node, boot, 1)
        n_never = 0
        for first, last in spans:
            for low, high in row.seen.missing(first, last):
                n_never += sum(end - start + 1 for start, end in row.named.missing(low, high))
            _add(row.named, first, last)
            row.close(first, last)
        self.n_dropped += n_never
        return n_never

    def away(self) -> None:
        """The connection is gone."""
        for row in self._rows():
            row.away = True

    def overdue(self, now_s: float) -> list[Missing]:
        """What has been missing for longer than the grace; each is told once. `now_s` infinite: all that is missing."""
        told, self._forgotten = self._forgotten, []
        for row in self._rows():
            for hole in row.holes:
                if not hole.told and now_s - hole.since_s >= self._grace_s:
                    hole.told = True
                    told.append(hole.missing)
        return told

    def _rows(self) -> Iterable[_Row]:
        """Each once."""
        return {id(row): row for node in self._nodes.values() for row in node.rows.values()}.values()

    def _row(self, node: str, boot: str, seq: int) -> _Row:
        """The row that the number belongs to."""
        one = self._nodes.setdefault(node, _Node())
        self._nodes.move_to_end(node)
        if len(self._nodes) > MOST_NODES:
            self._nodes.popitem(last=False)
        if boot not in one.rows:
            # a row goes on over a restart; numbers that begin again say that the sender has lost its outbox
            if seq <= one.newest.seen.last:
                one.newest = _Row()
            one.rows[boot] = one.newest
        one.rows.move_to_end(boot)
        if len(one.rows) > MOST_BOOTS:
            one.rows.popitem(last=False)
        return one.rows[boot]

    def _forget(self, hole: _Hole) -> None:
        self._n_forgotten += _size(hole.missing)
        if not hole.told:
            self._forgotten.append(hole.missing)


def _add(ranges: Ranges, first: int, last: int) -> None:
    """Where there are too many holes the lowest is forgotten."""
    ranges.add(first, last)
    runs = list(ranges)
    if len(runs) > MOST_HOLES:
        ranges.add(runs[0][1], runs[1][0])


def _size(missing: Missing) -> int:
    return missing.last_seq - missing.first_seq + 1


def _without(hole: _Hole, first: int, last: int) -> list[_Hole]:
    """What is left of the hole."""
    whole = hole.missing
    if last < whole.first_seq or first > whole.last_seq:
        return [hole]
    parts = ((whole.first_seq, first - 1), (last + 1, whole.last_seq))
    return [replace(hole, missing=replace(whole, first_seq=low, last_seq=high)) for low, high in parts if low <= high]
