"""The outbox's file: SQLite, one transaction a write, each row with a checksum. It knows of letters, not of their fate."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from daemon.delivery.outbox import tables
from daemon.delivery.outbox.letter import ROW_BYTES, Row
from daemon.delivery.outbox.ranges import Range
from daemon.delivery.outbox.tables import (
    COLUMNS,
    MARK_SEQ,
    SIZE,
    TABLES,
    VERSION,
    Contents,
    Damaged,
    DiskTrouble,
    connect,
    judged,
)

PAGE_BYTES = 2048
"""A write of one event takes one page, and on flash that counts; two events fit into it."""
WAL_BYTES = 8_000_000
"""To so much the log is cut back after it has grown larger."""
MOST_ASIDE = 100
"""Refused letters are kept for whoever looks for the reason; the oldest go."""
INSERT = f"INSERT OR REPLACE INTO letters ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class OutboxFile:
    """One writing connection, for the writer's thread, and one for whoever reads."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it. Raises DiskTrouble, or Damaged for what is not one of ours, of this version."""
        self.path = path
        self.n_bytes = 0
        """Of the letters in it, about."""
        self._reading = threading.Lock()
        with judged(), ExitStack() as opened:
            if path.is_dir():
                raise Damaged("it is a folder")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._writer = opened.enter_context(closing(connect(str(path))))
            self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            if not tables.require_ours(self._writer):
                _make_tables(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            self._reader = opened.enter_context(closing(connect(str(path))))
            self._reader.execute("PRAGMA query_only = ON")
            self._inode = os.stat(path).st_ino
            opened.pop_all()

    @property
    def is_gone(self) -> bool:
        """True where the path names nothing, or another file: what is written here is in no folder any more."""
        try:
            return os.stat(self.path).st_ino != self._inode
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def check(self) -> Contents:
        """Every row and page, once. Raises DiskTrouble or Damaged."""
        with judged():
            self._require_writable()
            contents, self.n_bytes = tables.stock(self._writer)
        return contents

    def write(
        self, rows: Sequence[Row], aside: Sequence[tuple[int, str]], forget: Iterable[Range], mark: bytes, clock_s: int
    ) -> None:
        """All of it or nothing: put in `rows`, copy those of `aside` apart, delete `forget`, note the mark.

        It is on the disk when this returns. Raises DiskTrouble or Damaged.
        """
        if self.is_gone:
            raise DiskTrouble("the file was removed")
        with judged(), self._whole():
            self._writer.executemany(INSERT, rows)
            self._set_apart(aside)
            freed = sum(self._delete(both) for both in forget)
            self._writer.execute(INSERT, tables.as_mark_row(mark, clock_s))
        self.n_bytes += sum(len(row[1]) + len(row[2]) + len(row[3]) + ROW_BYTES for row in rows) - freed

    def put(self, rows: Iterable[Row]) -> int:
        """Put in rows that were saved; how many. Raises DiskTrouble or Damaged."""
        with judged(), self._whole():
            return max(0, self._writer.executemany(INSERT, rows).rowcount)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """One transaction."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise

    def _set_apart(self, aside: Sequence[tuple[int, str]]) -> None:
        copy = "INSERT OR REPLACE INTO aside SELECT seq, ?, boot, topic, payload FROM letters WHERE seq = ?"
        self._writer.executemany(copy, [(reason, seq) for seq, reason in aside])
        if aside:
            newest = f"SELECT seq FROM aside ORDER BY seq DESC LIMIT {MOST_ASIDE}"
            self._writer.execute(f"DELETE FROM aside WHERE seq NOT IN ({newest})")

    def _delete(self, both: Range) -> int:
        """The bytes that it frees."""
        freed = self._writer.execute(f"SELECT total({SIZE}) FROM letters WHERE seq BETWEEN ? AND ?", both).fetchone()[0]
        self._writer.execute("DELETE FROM letters WHERE seq BETWEEN ? AND ?", both)
        return int(freed)

    def _require_writable(self) -> None:
        """A header may say that the file is not to be written, on a disk that can be."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.execute(f"PRAGMA user_version = {VERSION}")
            finally:
                self._writer.execute("ROLLBACK")
        except sqlite3.OperationalError as trouble:
            if "readonly" in str(trouble) and os.access(self.path, os.W_OK):
                raise Damaged(str(trouble)) from trouble
            raise

    def after(self, seq: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows above `seq`, at most `limit`, in order. Raises DiskTrouble or Damaged."""
        with self._reading, judged():
            return tables.rows_after(self._reader, seq, limit)

    def letters(self) -> Iterator[Row]:
        """All rows, in order. For the writer's thread alone."""
        with judged():
            yield from self._writer.execute(f"SELECT {COLUMNS} FROM letters WHERE seq > {MARK_SEQ} ORDER BY seq")

    def oldest(self) -> Iterator[tuple[int, int, int]]:
        """seq, size and kept_s of the letters in order, gap letters left out. For the writer's thread alone."""
        with judged():
            yield from tables.oldest_rows(self._writer)

    def close(self) -> None:
        """The log goes into the file, if the disk lets it."""
        with self._reading, suppress(sqlite3.Error):
            self._reader.close()
        with suppress(sqlite3.Error):
            self._writer.close()


def _make_tables(connection: sqlite3.Connection) -> None:
    """All at once, so that a file without tables is always a new one."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("COMMIT")
