"""What an operator is told beside the results: each thing once a minute, and never a flood."""

from __future__ import annotations

import time
from typing import Callable

SAY_AGAIN_S = 60.0
MOST = 20
"""Different remarks in that time: whoever sends rubbish does not fill the journal."""


class Remarks:
    """Hands on what is news."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._said: dict[str, float] = {}
        self._n_swallowed = 0

    def __call__(self, text: str) -> None:
        """Say it, unless it was said, or too much was, of late."""
        now_s = self._clock()
        self._said = {said: at_s for said, at_s in self._said.items() if now_s - at_s < SAY_AGAIN_S}
        if text in self._said:
            return
        if len(self._said) >= MOST:
            self._n_swallowed += 1
            return
        if self._n_swallowed:
            self._say(f"{self._n_swallowed} more remarks in the last minute")
            self._n_swallowed = 0
        self._said[text] = now_s
        self._say(text)
