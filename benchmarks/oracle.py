"""Judges what was received against what was committed: all of it came, in order for each source, or a gap record names it.

It knows nothing of the outbox and of MQTT: a number, who committed it, and what was in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Iterable, Sequence, Tuple

Key = Tuple[str, int]
"""boot and seq: what names a message of one node for ever."""

OUT_OF_ORDER = "out of order"
"""What a fault of that kind begins with."""


@dataclass(frozen=True)
class Item:
    """A message, committed or received."""

    boot: str
    seq: int
    source: str
    content: str
    """Anything by which it is known that it is the same message."""

    @property
    def key(self) -> Key:
        """Its name."""
        return self.boot, self.seq


@dataclass(frozen=True)
class Gap:
    """Numbers that a gap record names."""

    first_seq: int
    last_seq: int
    reason: str


@dataclass
class Verdict:
    """`faults` is empty when every promise was kept."""

    committed: int = 0
    received: int = 0
    """Different messages."""
    duplicated: int = 0
    """Receipts of what had come before."""
    named: int = 0
    """Committed, not received, and named in a gap record."""
    with_the_broker: int = 0
    """Committed, not received, and acknowledged by a broker that was killed: no fault of the sender's."""
    lost: list[Key] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def figures(self) -> str:
        """One line."""
        more = f", {self.with_the_broker} lost by the broker after its PUBACK" if self.with_the_broker else ""
        return (
            f"{self.committed} committed, {self.received} received, {self.duplicated} duplicated, "
            f"{len(self.lost)} lost, {self.named} named by gap records{more}"
        )


def judge(
    committed: Iterable[Item],
    received: Sequence[Item],
    gaps: Sequence[Gap] = (),
    acknowledged: Iterable[Key] = (),
) -> Verdict:
    """`committed`: what was said to be durable; more may arrive. `received`: in the order of arrival, retained copies left out.

    `acknowledged`: what a broker is known to have said PUBACK to.
    """
    verdict = Verdict()
    owed = {item.key: item for item in committed}
    first: dict[Key, Item] = {}
    for item in received:
        if item.key in first:
            verdict.duplicated += 1
        was = first.setdefault(item.key, item)
        if was != item:
            verdict.faults.append(f"{item.key} came as two different messages: {was} and {item}")
    verdict.committed, verdict.received = len(owed), len(first)
    named = _numbers(gaps)
    with_the_broker = set(acknowledged) - set(first)
    for key, item in owed.items():
        if key in first:
            if first[key] != item:
                verdict.faults.append(f"{key} came as another message: {first[key]} for {item}")
        elif key[1] in named:
            verdict.named += 1
        elif key in with_the_broker:
            verdict.with_the_broker += 1
        else:
            verdict.lost.append(key)
    if verdict.lost:
        verdict.faults.append(f"{len(verdict.lost)} lost, from {min(verdict.lost, key=lambda key: key[1])} on")
    verdict.faults += [*_out_of_order(first), *_numbered_twice(first, owed), *_false_names(gaps, first, owed)]
    verdict.faults += _unexplained(first, named | {seq for _, seq in with_the_broker})
    return verdict


def _numbers(gaps: Iterable[Gap]) -> set[int]:
    return {seq for gap in gaps for seq in range(gap.first_seq, gap.last_seq + 1)}


def _out_of_order(first: dict[Key, Item]) -> list[str]:
    """First receipts of a source have growing numbers."""
    newest: dict[str, int] = {}
    faults = []
    for item in first.values():
        if item.seq < newest.get(item.source, 0):
            faults.append(f"{OUT_OF_ORDER}: {item.key} of {item.source} came after seq {newest[item.source]}")
        newest[item.source] = max(item.seq, newest.get(item.source, 0))
    return faults


def _numbered_twice(*of: dict[Key, Item]) -> list[str]:
    """A number is given once in a node's life, whatever the boot."""
    boots = Counter(seq for _, seq in {key for one in of for key in one})
    return [f"seq {seq} was given to {n_boots} messages" for seq, n_boots in boots.items() if n_boots > 1]


def _false_names(gaps: Iterable[Gap], *of: dict[Key, Item]) -> list[str]:
    """What was never numbered cannot have been dropped."""
    last = max((seq for one in of for _, seq in one), default=0)
    return [f"{gap} names numbers that were never given: the last is {last}" for gap in gaps if gap.last_seq > last]


def _unexplained(first: dict[Key, Item], explained: set[int]) -> list[str]:
    """Each number below the newest one that came came, too, or was named: else a subscriber reports it as missing."""
    came = {seq for _, seq in first}
    holes = sorted(set(range(1, max(came, default=0) + 1)) - came - explained)
    return [f"{len(holes)} numbers never came and nothing names them: {holes[:10]}"] if holes else []
