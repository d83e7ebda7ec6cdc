"""A microphone's state machine with a clock, driven as whoever captures drives it; and what its documentation says of it."""

from __future__ import annotations

import random
import re

from daemon.capture import liveness
from daemon.capture.liveness import Counts, Liveness

LOOK_S = 0.1


def documented() -> dict[str, set[str]]:
    """What may follow each state, as the table in the module's docstring has it."""
    follows: dict[str, set[str]] = {}
    state = ""
    for line in (liveness.__doc__ or "").splitlines():
        if line.startswith("| state") or not line.startswith("| "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        state = cells[0] or state
        follows.setdefault(state, set()).update(re.findall(r"[a-z]+", cells[3].split(";")[0]))
    return follows


FOLLOWS = documented()


class Microphone:
    """A state machine with a clock, driven as whoever captures drives it."""

    def __init__(self, seed: int = 1) -> None:
        self.now_s = 1000.0
        self.counts = Counts()
        self.liveness = Liveness(self.now_s, self.counts, random.Random(seed))

    @property
    def state(self) -> str:
        return self.liveness.state

    def hear(self, seconds: float, zeros: bool = False, age_s: float = 0.0) -> None:
        for _ in range(round(seconds / 0.02)):
            self.now_s += 0.02
            self.liveness.heard(self.now_s, age_s, zeros)

    def wait(self, seconds: float) -> None:
        """Nothing comes, and whoever captures looks often enough."""
        for _ in range(round(seconds / LOOK_S)):
            self.now_s += LOOK_S
            self.liveness.passed(self.now_s)

    def open(self) -> None:
        self.liveness.attempted(self.now_s)

    def waited_for_a_try(self) -> float:
        """Goes on to the next try, and begins it."""
        wait_s = self.liveness.wait_s(self.now_s)
        assert wait_s is not None
        self.now_s += wait_s
        self.open()
        return wait_s
