"""The lines of a comparison: who took how long, and whether that is what was wanted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.rounds import Times, ratio
from benchmarks.spread import NAMES


@dataclass(frozen=True)
class Goal:
    """What a value must reach, and what we would like."""

    relation: str
    """>= or <="""
    must: float
    aim: float | None = None

    def reached(self, value: float) -> str:
        """aim, yes or MISSED."""
        if self.aim is not None and self._holds(value, self.aim):
            return "aim"
        return "yes" if self._holds(value, self.must) else "MISSED"

    def _holds(self, value: float, bound: float) -> bool:
        return value >= bound if self.relation == ">=" else value <= bound


@dataclass(frozen=True)
class Line:
    """One side of one question; the value and the goal stand with the side that ours is compared with."""

    question: str
    side: str
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    count: int
    ours: bool = True
    """False for what ours is compared with."""
    value: float | None = None
    value_of_medians: float | None = None
    """The same ratio, of the two medians instead of pair by pair."""
    unit: str = ""
    must: str = ""
    aim: str = ""
    reached: str = ""
    must_us: float | None = None
    """What our median must come to for the goal; the picture marks it."""
    aim_us: float | None = None


def side(question: str, name: str, ns: NDArray[np.int64], ours: bool = True) -> Line:
    """A side with its times alone."""
    times = Times.of(ns)
    return Line(question, name, **asdict(times), ours=ours)


def valued(line: Line, value: float, unit: str, goal: Goal | None = None, us_a_unit: float | None = None) -> Line:
    """`line` with a value and what is wanted of it; `us_a_unit`: microseconds that make a value of 1."""
    told = replace(line, value=value, unit=unit)
    if goal is None:
        return told
    aim = "" if goal.aim is None else f"{goal.relation} {goal.aim:g}"
    told = replace(told, must=f"{goal.relation} {goal.must:g}", aim=aim, reached=goal.reached(value))
    if us_a_unit is None:
        return told
    # "at least 3 times slower than ours" leaves ours a third of the time, "at most 2 times as slow" twice
    sign = -1 if goal.relation == ">=" else 1
    return replace(
        told,
        must_us=us_a_unit * goal.must**sign,
        aim_us=None if goal.aim is None else us_a_unit * goal.aim**sign,
    )


def compared(line: Line, above: NDArray[np.int64], below: NDArray[np.int64], unit: str, goal: Goal | None = None) -> Line:
    """`line` with how many times longer the rounds `above` took than those `below`."""
    # the picture marks the goal in the times of the side that is judged: ours, whether it stands above or below
    judged_by = above if goal is not None and goal.relation == ">=" else below
    told = valued(line, ratio(above, below), unit, goal, Times.of(judged_by).p50_us)
    return replace(told, value_of_medians=float(np.median(above) / np.median(below)))


HEADS = ("", "p50 us", "p90 us", "p99 us", "max us", "count", "by pairs", "of medians", "", "wanted", "aim", "reached")
RIGHT = frozenset({"p50 us", "p90 us", "p99 us", "max us", "by pairs", "of medians", *NAMES})


def table(lines: list[dict[str, Any]]) -> str:
    """The lines in columns, each question's under its name; `lines` as `asdict` gives them."""
    blank = ("",) * len(HEADS)
    rows: list[tuple[str, ...]] = []
    for earlier, line in zip([{"question": None}, *lines], lines):
        if line["question"] != earlier["question"]:
            rows += [blank, (line["question"], *blank[1:])]
        rows.append(_cells(line))
    return columns(HEADS, rows)


def columns(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Text in columns: those of `RIGHT` flush right, a rule under the heads. A cell alone in its row may run on."""
    widths = [max(len(row[k]) for row in [heads, *rows] if any(row[1:])) for k in range(len(heads))]
    lines = [heads, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if head in RIGHT else cell.ljust(width) for cell, width, head in zip(row, widths, heads)
        ).rstrip()
        for row in lines
    )


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    value, of_medians = line["value"], line["value_of_medians"]
    return (
        "  " + line["side"],
        f"{line['p50_us']:,.1f}",
        f"{line['p90_us']:,.1f}",
        f"{line['p99_us']:,.1f}",
        f"{line['max_us']:,.1f}",
        f"{line['count']}",
        "" if value is None else f"{value:.3g}",
        "" if of_medians is None else f"{of_medians:.3g}",
        line["unit"],
        line["must"],
        line["aim"],
        line["reached"],
    )
