"""What has become of each number: waiting, settled, or in a gap that is still to be named. No files, no threads."""

from __future__ import annotations

import json
from typing import Any, Dict

from daemon.delivery.outbox.ranges import Range, Ranges

MOST_GAPS_IN_A_LETTER = 1000

Gap = Dict[str, Any]
"""first_seq, last_seq, reason: as gap records have it."""


class Ledger:
    """Numbers begin at 1, and every one up to `last` is settled or waits: what is neither on disk nor settled was lost."""

    def __init__(self) -> None:
        self.last = 0
        self.settled = Ranges()
        """Delivered, dropped or put aside: no letter is needed any more."""
        self.fresh = Ranges()
        """Settled since the file was last written: their rows are to be deleted."""
        self.gaps: dict[str, Ranges] = {}
        """By reason: lost, and not yet named to anybody."""
        self.named: dict[int, list[Gap]] = {}
        """By the number of a gap letter that still waits: what it names."""

    @property
    def waiting(self) -> int:
        """How many letters are neither delivered nor given up."""
        return self.last - self.settled.count

    @property
    def low(self) -> int:
        """Everything up to here was delivered, or named in a gap letter that was."""
        lost = [next(iter(ranges))[0] for ranges in self.gaps.values() if ranges]
        named = [gap["first_seq"] for gaps in self.named.values() for gap in gaps]
        return min(self.settled.end_of_run(0), self.last, *(int(first) - 1 for first in [*lost, *named]))

    def waits(self, seq: int) -> bool:
        """True for a number that was given and is not settled."""
        return 0 < seq <= self.last and seq not in self.settled

    def settle(self, first: int, last: int) -> None:
        """No letters are needed for these any more."""
        self.settled.add(first, last)
        self.fresh.add(first, last)
        for seq in [seq for seq in self.named if first <= seq <= last]:
            del self.named[seq]

    def lose(self, first: int, last: int, reason: str) -> None:
        """These will never arrive: settled, and to be named."""
        # a gap letter that is lost gives back what it named
        for seq in [seq for seq in self.named if first <= seq <= last]:
            for gap in self.named.pop(seq):
                self.note(gap["first_seq"], gap["last_seq"], gap["reason"])
        self.note(first, last, reason)
        self.settle(first, last)

    def take_gaps(self, seq: int) -> list[Gap]:
        """What gap letter `seq` is to name, in order; it is named from now on."""
        gaps: list[Gap] = [
            {"first_seq": first, "last_seq": last, "reason": reason}
            for reason, ranges in self.gaps.items()
            for first, last in ranges
        ]
        gaps.sort(key=lambda gap: gap["first_seq"])
        taken, rest = gaps[:MOST_GAPS_IN_A_LETTER], gaps[MOST_GAPS_IN_A_LETTER:]
        self.gaps = {}
        for gap in rest:
            self.note(gap["first_seq"], gap["last_seq"], gap["reason"])
        if taken:
            self.named[seq] = taken
        return taken

    def unaccounted(self, present: Ranges) -> list[Range]:
        """Numbers that should wait and are not among those that are there."""
        return [lost for first, last in self.settled.missing(1, self.last) for lost in present.missing(first, last)]

    def as_mark(self, clock_s: int) -> bytes:
        """Everything but the letters, for the file."""
        gaps = {reason: list(ranges) for reason, ranges in self.gaps.items()}
        mark = {"last": self.last, "clock_s": clock_s, "settled": list(self.settled), "gaps": gaps, "named": self.named}
        return json.dumps(mark, ensure_ascii=False, separators=(",", ":")).encode()

    def restore(self, mark: bytes) -> int:
        """Take over a mark, whose bits are known to be right; the clock it was made at."""
        content = json.loads(mark)
        self.last = int(content["last"])
        self.settled = Ranges(content["settled"])
        self.gaps = {reason: Ranges(ranges) for reason, ranges in content["gaps"].items()}
        self.named = {int(seq): gaps for seq, gaps in content["named"].items()}
        return int(content["clock_s"])

    def note(self, first: int, last: int, reason: str) -> None:
        """These are to be named."""
        self.gaps.setdefault(reason, Ranges()).add(first, last)
