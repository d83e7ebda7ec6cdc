"""The file of rows: CSV whose header carries the units, in files of a size, and never half a row in them.

A row is written at once, behind all others. What a power cut or a full disk leaves of one is cut off before the next is
written. A file that is not ours is put aside.
"""

from __future__ import annotations

import csv
import fcntl
import io
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Mapping, Sequence

logger = logging.getLogger(__name__)

OURS = "at,run,elapsed_s"
"""So every header of ours begins, whatever the machine measures."""
TAIL_BYTES = 65536
"""No row is longer."""


class Table:
    """`path`, and older files as `path`.1 and on. Trouble is said once, and each row is another try."""

    def __init__(self, path: Path, max_bytes: int, n_files: int) -> None:
        """`max_bytes` of each file. `n_files`: kept, with the one that is written to."""
        self.n_lost = 0
        """Rows that could not be written."""
        self.trouble = ""
        self._path = path
        self._max_bytes = max_bytes
        self._n_files = n_files
        self._file = -1
        self._header: list[str] = []

    def write(self, cells: Mapping[str, str]) -> None:
        """One row. Columns that the file has and the row has not stay empty; new ones begin a new file."""
        try:
            self._write(cells)
        except OSError as trouble:
            self.n_lost += 1
            self._close()
            self._say(f"{self._path}: {trouble.strerror or trouble}")
            return
        if self.trouble:
            logger.warning("%s is written again; rows lost: %d", self._path, self.n_lost)
        self.trouble = ""

    def close(self) -> None:
        """What was written is on disk."""
        if self._file >= 0:
            with suppress(OSError):
                os.fsync(self._file)
        self._close()

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            logger.error("%s: rows are lost, I keep trying", trouble)
        self.trouble = trouble

    def _write(self, cells: Mapping[str, str]) -> None:
        self._reopen_if_moved()
        if self._file < 0:
            self._open()
        size = os.fstat(self._file).st_size
        has_new = not set(cells) <= set(self._header)
        text = self._row(cells)
        if size and (has_new or size + len(text) > self._max_bytes):
            self._rotate()
            self._open()
            size = 0
        if has_new:
            self._header = [*cells, *(name for name in self._header if name not in cells)]
        if not size:
            text = _line(self._header) + self._row(cells)
        self._append(text, size)

    def _row(self, cells: Mapping[str, str]) -> bytes:
        return _line([cells.get(name, "") for name in self._header])

    def _append(self, text: bytes, size: int) -> None:
        """All of it or nothing."""
        try:
            n_written = os.write(self._file, text)
            if n_written < len(text):
                # the rest does not fit: the kernel says why
                n_written += os.write(self._file, text[n_written:])
        except OSError:
            os.ftruncate(self._file, size)
            raise
        if n_written < len(text):
            os.ftruncate(self._file, size)
            raise OSError(0, "only part of a row could be written")

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as trouble:
            raise OSError(0, "another power-log writes to it") from trouble
        head = os.pread(self._file, TAIL_BYTES, 0).decode("utf-8", "replace")
        if not (head.startswith(OURS) or OURS.startswith(head)):
            self._put_aside()
            self._close()
            self._open()
            return
        self._cut_torn_row()
        if os.fstat(self._file).st_size:
            self._header = next(csv.reader([head.split("\n")[0]]))

    def _cut_torn_row(self) -> None:
        """What stands behind the last end of a line."""
        size = os.fstat(self._file).st_size
        start = max(0, size - TAIL_BYTES)
        whole = start + os.pread(self._file, TAIL_BYTES, start).rfind(b"\n") + 1
        if whole != size:
            os.ftruncate(self._file, whole)
            logger.warning("%s: ended with half a row, which is cut off", self._path)

    def _put_aside(self) -> None:
        number, place = 0, self._path.with_name(f"{self._path.name}.aside")
        while place.exists():
            number += 1
            place = self._path.with_name(f"{self._path.name}.aside-{number}")
        os.rename(self._path, place)
        logger.warning("%s is no table of ours: put aside as %s", self._path, place.name)

    def _rotate(self) -> None:
        """Each file moves one on; the oldest goes."""
        self._close()
        for number in range(self._n_files - 1, 0, -1):
            older = self._numbered(number - 1)
            with suppress(FileNotFoundError):
                os.replace(older, self._numbered(number))
        if self._n_files == 1:
            self._path.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _reopen_if_moved(self) -> None:
        """Somebody has taken the file away, or another in its place."""
        if self._file < 0:
            return
        try:
            there, ours = os.stat(self._path), os.fstat(self._file)
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return
        except FileNotFoundError:
            pass
        self._close()

    def _close(self) -> None:
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
        self._file = -1


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
