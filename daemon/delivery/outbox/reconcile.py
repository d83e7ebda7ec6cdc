"""What must have happened, from what is found at a start: no number is forgotten, whatever has become of the file."""

from __future__ import annotations

import json
from typing import Iterable

from daemon.delivery.outbox.high_water import Water
from daemon.delivery.outbox.ledger import Ledger
from daemon.delivery.outbox.tables import Contents

DAMAGED = "damaged"


def begin(contents: Contents, water: Water | None, at_least: int = 0) -> tuple[Ledger, int, int]:
    """The ledger of a file that was just opened, the clock it was left at, and how many letters were lost with it.

    `at_least`: numbers up to here are taken.
    """
    ledger, clock_s = Ledger(), 0
    if contents.mark is not None:
        clock_s = ledger.restore(contents.mark)
    if water is not None:
        # an older file comes back with letters that were delivered long ago
        ledger.settle(1, min(water.low, max(ledger.last, contents.present.last, water.last)))
        if contents.mark is None or water.last > ledger.last:
            ledger.last = max(ledger.last, water.reserved)
    ledger.last = max(ledger.last, contents.present.last, at_least)
    return ledger, clock_s, rejoin(ledger, contents)


def rejoin(ledger: Ledger, contents: Contents, in_memory: Iterable[int] = ()) -> int:
    """Hold the ledger against what is really in the file: how many letters are lost."""
    there = contents.present.copy()
    for seq in in_memory:
        there.add(seq, seq)
    for letter in contents.gap_letters:
        if ledger.waits(letter.seq):
            ledger.named[letter.seq] = json.loads(letter.payload)["gaps"]
    lost = ledger.unaccounted(there)
    for first, last in lost:
        ledger.lose(first, last, DAMAGED)
    for first, last in contents.present:
        for begin_, end in ledger.settled.within(first, last):
            ledger.fresh.add(begin_, end)
    for seq in contents.spoilt:
        ledger.fresh.add(seq, seq)
    return sum(last - first + 1 for first, last in lost)
