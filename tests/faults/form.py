"""The short form of a fault, within `make test`, and the full one of `make faults`, which says how far it is."""

from __future__ import annotations

import os
import time
from typing import Iterator

FULL = os.environ.get("AFFECTD_FAULTS") == "full"
SAY_EVERY_S = 10.0


def times(short: int, full: int) -> int:
    """How often a fault is made."""
    return full if FULL else short


def rounds(what: str, short: int, full: int) -> Iterator[int]:
    """The numbers of the rounds; the full form says now and then how far it is, and when it will be done."""
    n_rounds = times(short, full)
    began_s = said_s = time.monotonic()
    for done in range(n_rounds):
        yield done
        now_s = time.monotonic()
        if FULL and (now_s - said_s >= SAY_EVERY_S or done + 1 == n_rounds):
            said_s = now_s
            left_s = (now_s - began_s) / (done + 1) * (n_rounds - done - 1)
            print(f"{what}: {done + 1} of {n_rounds}, about {left_s / 60:.1f} min left", flush=True)
