"""What has been judged so far, on disk beside the result: in parts, each there whole or not at all, and in the end joined."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.lab.archive import table
from models.lab.archive.judge import Row
from models.lab.errors import LabError
from models.lab.likeness import difference

PART_S = 5.0
PART_ROWS = 5_000
"""A part is written after so long, or of so many rows: that much a kill undoes."""
GROUP_ROWS = 10_000


class Parts:
    """The parts of one result, for one process at a time. Use it as a context, at whose end all that was added is written."""

    def __init__(self, out: Path, paths: Sequence[str], labels: Sequence[str], made_of: Mapping[str, str]) -> None:
        """Raises LabError where a result or parts of something else are, where another process writes, or without room."""
        self._out, self._paths, self._labels = out, paths, labels
        self._result_schema = table.schema(labels, made_of)
        self._schema = table.part_schema(self._result_schema)
        self._waiting: list[Row] = []
        self._written_s = time.monotonic()
        self._has_room = True
        self.folder = out.with_name(f"{out.name}.parts")
        self.done = np.zeros(len(paths), bool)
        """(n_recordings,) whether a row is there."""
        self.is_whole = _require_ours(out, made_of)
        self._lock = -1
        if self.is_whole:
            self.done[:] = True
            return
        with self._room("the folder of the parts cannot be made"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._find(made_of)
        except BlockingIOError:
            os.close(self._lock)
            raise LabError(f"{self.folder}: another run is writing there: wait for it, or name another --out") from None
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        if self._lock < 0:
            return
        try:
            if self._has_room:
                self.write()
        finally:
            os.close(self._lock)

    def add(self, rows: Sequence[Row]) -> None:
        """They are on disk within seconds, if `add` or `write_in_time` is called. Raises LabError without room."""
        self._waiting += rows
        self.write_in_time()

    def write_in_time(self) -> None:
        """Write what waits if it has waited long. Raises LabError without room."""
        if len(self._waiting) >= PART_ROWS or time.monotonic() - self._written_s >= PART_S:
            self.write()

    def write(self) -> None:
        """Write what waits. Raises LabError without room."""
        rows, self._waiting = sorted(self._waiting, key=lambda row: row.row), []
        self._written_s = time.monotonic()
        if not rows:
            return
        first, last = rows[0].row, rows[-1].row
        whole = table.table(rows, self._paths, self._labels, self._schema)
        self._whole(self.folder / f"{first:010d}-{last:010d}-{len(rows)}.parquet", lambda path: pq.write_table(whole, path))
        self.done[[row.row for row in rows]] = True

    def finish(self) -> None:
        """Put the result in its place, in the order of the listing, and remove the parts. Raises LabError without room."""
        self.write()
        assert self.done.all(), "a recording was not judged"
        self._whole(self._out, self._join)
        shutil.rmtree(self.folder)

    def _join(self, path: Path) -> None:
        parts = sorted(self._parts())
        with pq.ParquetWriter(path, self._result_schema) as writer:
            for first in range(0, len(self._paths), GROUP_ROWS):
                last = min(first + GROUP_ROWS, len(self._paths)) - 1
                # rows are judged nearly in order: few parts hold some of a group, and no more than those are in memory
                near = [pq.read_table(part) for part in parts if _overlaps(part, first, last)]
                rows = pa.concat_tables(near)
                within = pc.and_(pc.greater_equal(rows[table.ROW], first), pc.less_equal(rows[table.ROW], last))
                group = rows.filter(within).sort_by(table.ROW)
                assert group[table.ROW].to_pylist() == list(range(first, last + 1)), "a row is missing, or there twice"
                writer.write_table(group.drop_columns([table.ROW]).cast(self._result_schema), GROUP_ROWS)

    def _parts(self) -> Iterator[Path]:
        return self.folder.glob("*.parquet")

    def _find(self, made_of: Mapping[str, str]) -> None:
        """What an earlier run left."""
        for stale in self.folder.glob("*.partial"):
            stale.unlink()
        for part in sorted(self._parts()):
            try:
                found = pq.read_table(part, columns=[table.ROW])
            except (pa.ArrowInvalid, OSError) as trouble:
                print(f"affectd-lab: {part} is damaged ({trouble}): its recordings are judged again", file=sys.stderr)
                part.unlink()
                continue
            _require_equal(part, found.schema, made_of, f"remove {self.folder}")
            self.done[found[table.ROW].to_numpy()] = True

    def _whole(self, path: Path, write: Callable[[Path], None]) -> None:
        """A file that is there whole, on the disk, or not at all."""
        partial = path.with_name(f"{path.name}.partial")
        with self._room(f"{path} cannot be written", partial):
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)

    @contextmanager
    def _room(self, what: str, partial: Path | None = None) -> Iterator[None]:
        try:
            yield
        except OSError as trouble:
            self._has_room = False
            if partial is not None:
                with suppress(OSError):
                    partial.unlink()
            kept = f"{int(self.done.sum())} of {len(self.done)} recordings are kept"
            why = os.strerror(trouble.errno) if trouble.errno else trouble
            raise LabError(f"{what} ({why}): make room and type the same again, {kept}") from trouble


def _require_ours(out: Path, made_of: Mapping[str, str]) -> bool:
    """Whether the result is there. Raises LabError where something else is."""
    if not out.exists():
        return False
    try:
        there = pq.read_schema(out)
    except (pa.ArrowInvalid, OSError) as trouble:
        raise LabError(f"{out}: is there, and is no result of `affectd-lab score`: name another --out") from trouble
    _require_equal(out, there, made_of, "remove it")
    return True


def _require_equal(path: Path, there: pa.Schema, made_of: Mapping[str, str], to_begin_anew: str) -> None:
    told = table.made_of(there)
    differs = "it is no result of `affectd-lab score`" if told is None else difference(told, made_of)
    if differs:
        raise LabError(f"{path}: belongs to something else ({differs}): name another --out, or {to_begin_anew} to begin anew")


def _overlaps(part: Path, first: int, last: int) -> bool:
    begins, ends, _ = part.stem.split("-")
    return int(begins) <= last and int(ends) >= first
