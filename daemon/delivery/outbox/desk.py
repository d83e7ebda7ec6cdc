"""The outbox's state in memory: the ledger, and the letters that are on no disk yet. No files, no threads, no locks."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Callable, Iterable, Iterator

from daemon.delivery.outbox.ledger import Ledger
from daemon.delivery.outbox.letter import GAP_TOPIC, Letter, as_letter, renumbered
from daemon.delivery.outbox.ranges import Ranges
from daemon.events import Message

FULL, OLD = "full", "old"
MOST_ASIDE = 100
MOST_GAP_LETTERS = 100
"""Further gaps wait to be named until some of these are delivered."""


@dataclass(frozen=True)
class Batch:
    """What one write takes to the disk."""

    letters: list[tuple[Letter, int]]
    aside: list[tuple[int, str]]
    forget: Ranges
    mark: bytes
    clock_s: int
    last: int
    low: int
    n_changes: int


class Desk:
    """Numbers letters and knows which are needed. `n_changes` tells what a write has not seen."""

    def __init__(self, boot: str, drop: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`drop`: "oldest" or "newest". `clock`: in seconds; the age of letters is counted on it."""
        self._boot = boot
        self._clock = clock
        self._began_s = clock()
        self._drops_oldest = drop == "oldest"
        self.ledger = Ledger()
        self.pending: OrderedDict[int, tuple[Letter, int]] = OrderedDict()
        """Letters that are on no disk, with the time of their commit."""
        self.pending_bytes = 0
        self.aside: list[tuple[int, str]] = []
        self.counts: dict[str, int] = {"dropped": 0, "put_aside": 0, "damaged": 0}
        """Since the start."""
        self.n_changes = 0

    @property
    def now_s(self) -> int:
        """How long the service has run, in all its runs of which the file knows."""
        return int(self._clock() - self._began_s)

    def go_on_from(self, clock_s: int) -> None:
        """So long it had run before."""
        self._began_s -= clock_s

    def take(self, message: Message) -> int:
        """Number the message. Raises ValueError for what JSON cannot say; then no number is used."""
        letter = as_letter(message, self._boot, self.ledger.last + 1)
        self.ledger.last = letter.seq
        self._keep(letter, self.now_s)
        return letter.seq

    def take_gaps(self, node: str, at: str) -> bool:
        """Make a letter of the gaps that nobody was told of; False where there are none."""
        seq = self.ledger.last + 1
        gaps = self.ledger.take_gaps(seq) if len(self.ledger.named) < MOST_GAP_LETTERS else []
        if gaps:
            self.take(Message(GAP_TOPIC, {"schema": "affectd/gap/1", "node": node, "at": at, "gaps": gaps}))
        return bool(gaps)

    def settle(self, seqs: Iterable[int]) -> None:
        """Delivered."""
        for seq in seqs:
            if self.ledger.waits(seq):
                self.ledger.settle(seq, seq)
                self._let_go(seq)
                self.n_changes += 1

    def lose(self, seqs: Iterable[int], reason: str, counted: str) -> None:
        """They will never arrive; `counted`: under which of the counts."""
        for seq in seqs:
            if self.ledger.waits(seq):
                self.ledger.lose(seq, seq, reason)
                self._let_go(seq)
                self.counts[counted] += 1
                self.n_changes += 1

    def put_aside(self, seq: int, reason: str) -> bool:
        """Refused for good; True for a gap letter, whose gaps are to be named again."""
        if not self.ledger.waits(seq):
            return False
        is_gap = seq in self.ledger.named
        # its letter, if it is here, goes to the disk once more, to be copied apart there
        self.ledger.lose(seq, seq, f"refused: {reason}")
        self.aside = [*self.aside, (seq, reason)][-MOST_ASIDE:]
        self.counts["put_aside"] += 1
        self.n_changes += 1
        return is_gap

    def trim(self, max_bytes: int, oldest_s: float) -> None:
        """Let pending letters go until they fit, and those committed before `oldest_s`; never gap letters."""
        while self.pending:
            seq, (_, kept_s) = next(iter(self.pending.items()))
            if kept_s >= oldest_s or seq in self.ledger.named:
                break
            self.lose([seq], OLD, "dropped")
        if self.pending_bytes <= max_bytes:
            return
        for seq in list(self._in_order_of_going()):
            self.lose([seq], FULL, "dropped")
            if self.pending_bytes <= max_bytes:
                return

    def shed(self, n_bytes: int) -> None:
        """Let pending letters go until so much is freed."""
        if n_bytes > 0:
            self.trim(self.pending_bytes - n_bytes, float("-inf"))

    def batch(self) -> Batch:
        """All that the disk does not know. It counts as taken: give it back with `undone` if it was not written."""
        ledger = self.ledger
        clock_s = self.now_s
        batch = Batch(
            list(self.pending.values()),
            self.aside,
            ledger.fresh,
            ledger.as_mark(clock_s),
            clock_s,
            ledger.last,
            ledger.low,
            self.n_changes,
        )
        self.aside, ledger.fresh = [], Ranges()
        return batch

    def done(self, batch: Batch) -> None:
        """The batch is on disk."""
        while self.pending and next(iter(self.pending)) <= batch.last:
            self._let_go(next(iter(self.pending)))

    def undone(self, batch: Batch) -> None:
        """The batch is on no disk."""
        self.aside = [*batch.aside, *self.aside][-MOST_ASIDE:]
        for first, last in batch.forget:
            self.ledger.fresh.add(first, last)

    def in_memory(self, seq: int, limit: int) -> list[Letter]:
        """Pending letters above `seq` that are needed, at most `limit`."""
        found: list[Letter] = []
        for letter, kept_s in self.pending.values():
            if len(found) >= limit:
                break
            if letter.seq > seq and self.ledger.waits(letter.seq):
                found.append(replace(letter, age_s=float(self.now_s - kept_s)))
        return found

    def follow(self, earlier: Ledger, base: int) -> None:
        """A file has appeared after letters were numbered without it, from `base` on: its ledger goes on with what is here."""
        now, self.ledger = self.ledger, earlier
        letters = [both for seq, both in self.pending.items() if now.waits(seq)]
        if earlier.last == base:
            earlier.last = now.last
            for first, last in now.settled.within(base + 1, now.last):
                earlier.settled.add(first, last)
            earlier.named.update(now.named)
        else:
            # numbers were given twice: what is still here gets others
            earlier.settled.add(earlier.last + 1, now.last)
            earlier.last = max(earlier.last, now.last)
            self.pending.clear()
            self.pending_bytes = 0
            for letter, kept_s in letters:
                earlier.last += 1
                self._keep(renumbered(letter, earlier.last), kept_s)
                if letter.seq in now.named:
                    earlier.named[earlier.last] = now.named[letter.seq]
        for reason, ranges in now.gaps.items():
            for first, last in ranges:
                earlier.note(first, last, reason)
        self.n_changes += 1

    def _keep(self, letter: Letter, kept_s: int) -> None:
        self.pending[letter.seq] = (letter, kept_s)
        self.pending_bytes += letter.n_bytes
        self.n_changes += 1

    def _let_go(self, seq: int) -> None:
        both = self.pending.pop(seq, None)
        if both:
            self.pending_bytes -= both[0].n_bytes

    def _in_order_of_going(self) -> Iterator[int]:
        seqs = self.pending if self._drops_oldest else reversed(self.pending)
        return (seq for seq in seqs if seq not in self.ledger.named)
