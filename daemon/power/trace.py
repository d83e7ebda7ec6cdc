"""What was written, read again: the columns that a report is made of."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.errors import RecordingError
from daemon.power.table import OURS

WORDS = ("at", "run", "measured_by", "state", "total_of", "mode", "throttling")
"""Columns that are no numbers; service_boot is of no use to a report."""
PASSED_OVER = ("service_boot",)
Row = Mapping[str, str]


@dataclass(frozen=True)
class Trace:
    """Rows by time. A number that a row does not have is NaN."""

    words: Mapping[str, Sequence[str]]
    numbers: Mapping[str, NDArray[np.float64]]
    times_s: NDArray[np.float64]
    """Seconds since 1970, of each row, by the date of its run's last one: at a machine's start the date may be wrong."""
    remarks: Sequence[str] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.times_s)

    def number(self, name: str) -> NDArray[np.float64]:
        """A column; all NaN where there is none of that name."""
        found = self.numbers.get(name)
        return np.full(len(self), np.nan) if found is None else found

    def names(self, before: str, behind: str) -> list[str]:
        """What stands between, in the names of columns that have both: the rails of "rail_" and "_w"."""
        inner = slice(len(before), -len(behind))
        return [name[inner] for name in self.numbers if name.startswith(before) and name.endswith(behind)]

    def runs(self) -> Iterator[slice]:
        """The rows of each run of the logger."""
        run = self.words["run"]
        starts = [0, *(n for n in range(1, len(run)) if run[n] != run[n - 1])]
        for start, end in zip(starts, [*starts[1:], len(run)]):
            yield slice(start, end)


def read_traces(paths: Sequence[Path]) -> Trace:
    """Of one or several files of one table, in any order. Raises RecordingError."""
    remarks: list[str] = []
    rows = [row for path in paths for row in _rows_of(path, remarks)]
    if not rows:
        raise RecordingError(f"{paths[0]}: no rows: has `affectd power-log` run for an interval?")
    rows.sort(key=_elapsed_s)
    began_s = {row["run"]: _date_s(row) - _elapsed_s(row) for row in rows}
    rows.sort(key=lambda row: (began_s[row["run"]], row["run"], _elapsed_s(row)))
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in (*WORDS, *PASSED_OVER)]
    return Trace(
        words={name: [row.get(name) or "" for row in rows] for name in WORDS},
        numbers={name: np.array([_number(row.get(name)) for row in rows]) for name in names},
        times_s=np.array([began_s[row["run"]] + _elapsed_s(row) for row in rows]),
        remarks=tuple(remarks),
    )


def _rows_of(path: Path, remarks: list[str]) -> list[Row]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        why = getattr(trouble, "strerror", None) or "it is no text"
        raise RecordingError(f"{path}: cannot be read: {why}") from trouble
    if not text.startswith(OURS):
        raise RecordingError(f"{path}: no table of `affectd power-log`: want a header that begins with {OURS}")
    whole, _, torn = text.rpartition("\n")
    if torn:
        remarks.append(f"{path}: ends with half a row, which is left out")
    rows: list[Row] = list(csv.DictReader(whole.splitlines()))
    right = [row for row in rows if _is_right(row)]
    if len(right) < len(rows):
        remarks.append(f"{path}: {len(rows) - len(right)} rows make no sense and are left out")
    return right


def _is_right(row: Row) -> bool:
    try:
        _date_s(row)
        _elapsed_s(row)
        return None not in row and None not in row.values()
    except (KeyError, TypeError, ValueError):
        return False


def _elapsed_s(row: Row) -> float:
    return float(row["elapsed_s"])


def _date_s(row: Row) -> float:
    return datetime.strptime(row["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def _number(text: str | None) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan
