"""Markdown, as RESULTS.md and the cards of the models have it."""

from __future__ import annotations

from typing import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A line a row, ended; each row as wide as the head."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))
