"""How the findings look on a terminal."""

from __future__ import annotations

import textwrap
from typing import Sequence

from daemon.service.doctor.finding import FAIL, NOTE, OK, Finding

SIGNS = {OK: "✓", NOTE: "!", FAIL: "✗"}
PLAIN_SIGNS = {OK: "ok  ", NOTE: "note", FAIL: "FAIL"}
COLOURS = {OK: "32", NOTE: "33", FAIL: "31"}
NAME_WIDTH = 14


class Form:
    """Of a terminal, or of something that shows neither colours nor every sign."""

    def __init__(self, colours: bool, encoding: str, width: int | None = None) -> None:
        """`width`: of the terminal, in characters; None: lines are not broken."""
        self._colours = colours
        self._width = width
        self._signs = SIGNS if encoding.lower().replace("-", "") == "utf8" else PLAIN_SIGNS
        self._arrow = "→" if self._signs is SIGNS else "->"

    def lines(self, one: Finding) -> list[str]:
        """What was found, and below it what to do. That is never broken: it is to be copied."""
        sign, name = self._signs[one.mark], one.what.ljust(NAME_WIDTH)
        margin = " " * (len(sign) + 4 + NAME_WIDTH)
        said = self._broken(one.says, len(margin))
        told = [f"  {self._coloured(sign, COLOURS[one.mark])} {name} {said[0]}", *(margin + more for more in said[1:])]
        return [*told, self._coloured(f"{margin}{self._arrow} {one.do}", "36")] if one.do else told

    def _broken(self, text: str, n_before: int) -> list[str]:
        if self._width is None:
            return [text]
        return textwrap.wrap(text, max(20, self._width - n_before), break_long_words=False, break_on_hyphens=False)

    def summary(self, findings: Sequence[Finding]) -> str:
        """Last line."""
        n_failed, n_notes = (sum(one.mark == mark for one in findings) for mark in (FAIL, NOTE))
        notes = f"; {n_notes} {'thing' if n_notes == 1 else 'things'} to know" if n_notes else ""
        if n_failed:
            what = "one thing is" if n_failed == 1 else f"{n_failed} things are"
            return self._coloured(f"The service cannot run yet: {what} amiss{notes}.", COLOURS[FAIL])
        return self._coloured(f"The service can run{notes}.", COLOURS[OK])

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text
