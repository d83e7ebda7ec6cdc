"""The outbox's file: SQLite, one transaction a write, each row with a checksum. It knows of letters, not of their fate."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from daemon.delivery.outbox.letter import GAP_TOPIC, ROW_BYTES, Letter, Row, as_row, from_row
from daemon.delivery.outbox.ranges import Range, Ranges

APPLICATION_ID = 0x61666664
VERSION = 1
PAGE_BYTES = 2048
"""A write of one event takes one page, and on flash that counts; two events fit into it."""
LOCKED_S = 2.0
WAL_BYTES = 8_000_000
"""To so much the log is cut back after it has grown larger."""
MOST_ASIDE = 100
"""Refused letters are kept for whoever looks for the reason; the oldest go."""
COLUMNS = "seq, boot, topic, payload, retain, expiry_s, kept_s, crc"
INSERT = f"INSERT OR REPLACE INTO letters ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
SIZE = f"(length(boot) + length(topic) + length(payload) + {ROW_BYTES})"
TABLES = (
    "CREATE TABLE letters (seq INTEGER PRIMARY KEY, boot BLOB NOT NULL, topic BLOB NOT NULL, payload BLOB NOT NULL,"
    " retain INTEGER NOT NULL, expiry_s INTEGER, kept_s INTEGER NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE aside (seq INTEGER PRIMARY KEY, reason TEXT NOT NULL, boot BLOB, topic BLOB, payload BLOB)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
MARK_SEQ = 0
"""A row that is no letter: the ledger. It shares a page with the letters as long as these are few."""
PASSING = ("disk is full", "readonly", "disk I/O error", "unable to open", "locked", "interrupted")
"""What SQLite says of a disk, which may pass. Anything else is said of the file's content."""


UNREADABLE = (sqlite3.DatabaseError, ValueError, OverflowError, MemoryError)
"""Raised where a file is not what it seems: sizes beyond belief, and texts, even of SQLite's own complaints, that are none."""


class DiskTrouble(Exception):
    """The disk does not do as it is told, now."""


class Damaged(Exception):
    """The file's content is not what was written, or not ours."""


@dataclass
class Contents:
    """What is in a file."""

    mark: bytes | None = None
    present: Ranges = field(default_factory=Ranges)
    """Numbers of the whole letters."""
    spoilt: list[int] = field(default_factory=list)
    """Rows in which a bit has changed."""
    gap_letters: list[Letter] = field(default_factory=list)


@contextmanager
def judged() -> Iterator[None]:
    """Turns what SQLite and the system raise into DiskTrouble or Damaged."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.OperationalError as trouble:
        kind = DiskTrouble if any(text in str(trouble) for text in PASSING) else Damaged
        raise kind(str(trouble)) from trouble
    except UNREADABLE as trouble:
        raise Damaged(str(trouble) or type(trouble).__name__) from trouble
    except OSError as trouble:
        raise DiskTrouble(trouble.strerror or str(trouble)) from trouble


def connect(target: str, uri: bool = False) -> sqlite3.Connection:
    """A connection without transactions of its own making, all text as bytes."""
    one = sqlite3.connect(target, timeout=LOCKED_S, isolation_level=None, check_same_thread=False, uri=uri)
    one.text_factory = bytes
    return one


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
            _require_ours(self._writer)
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
            verdict = self._writer.execute("PRAGMA quick_check(1)").fetchone()
            if not verdict or verdict[0] != b"ok":
                raise Damaged(str(verdict[0] if verdict else b"", "utf-8", "replace").replace("\n", " ") or "no answer")
            contents = Contents()
            for row in self._writer.execute(f"SELECT {COLUMNS} FROM letters ORDER BY seq"):
                take_stock(contents, row)
            total = self._writer.execute(f"SELECT total({SIZE}) FROM letters WHERE seq > {MARK_SEQ}").fetchone()[0]
        self.n_bytes = int(total)
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
            self._writer.execute(INSERT, as_mark_row(mark, clock_s))
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
            query = f"SELECT {COLUMNS} FROM letters WHERE seq > ? ORDER BY seq LIMIT ?"
            return self._reader.execute(query, (max(seq, MARK_SEQ), limit)).fetchall()

    def letters(self) -> Iterator[Row]:
        """All rows, in order. For the writer's thread alone."""
        with judged():
            yield from self._writer.execute(f"SELECT {COLUMNS} FROM letters WHERE seq > {MARK_SEQ} ORDER BY seq")

    def oldest(self) -> Iterator[tuple[int, int, int]]:
        """seq, size and kept_s of the letters in order, gap letters left out. For the writer's thread alone."""
        query = f"SELECT seq, {SIZE}, kept_s FROM letters WHERE seq > {MARK_SEQ} AND topic != ? ORDER BY seq"
        with judged(), closing(self._writer.execute(query, (GAP_TOPIC.encode(),))) as rows:
            yield from rows

    def close(self) -> None:
        """The log goes into the file, if the disk lets it."""
        with self._reading, suppress(sqlite3.Error):
            self._reader.close()
        with suppress(sqlite3.Error):
            self._writer.close()


def as_mark_row(mark: bytes, clock_s: int) -> Row:
    """The ledger as the row that is no letter."""
    return as_row(Letter(MARK_SEQ, "mark", mark, False, None, ""), clock_s)


def take_stock(contents: Contents, row: tuple[Any, ...]) -> None:
    """Note what a row is."""
    seq, letter = row[0], from_row(row)
    if letter and seq == MARK_SEQ:
        contents.mark = letter.payload
    elif letter:
        contents.present.add(seq, seq)
        if letter.topic == GAP_TOPIC:
            contents.gap_letters.append(letter)
    elif seq != MARK_SEQ:
        contents.spoilt.append(seq)


def _require_ours(connection: sqlite3.Connection) -> None:
    """Makes the tables in a file that is new. Raises Damaged for a foreign file, or one of another version."""
    application_id, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    made = {
        str(row[0], "utf-8", "replace")
        for row in connection.execute("SELECT CAST(coalesce(sql, 0) AS BLOB) FROM sqlite_master")
    }
    if not made and application_id == 0:
        # all at once, so that a file without tables is always a new one
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("COMMIT")
    elif application_id != APPLICATION_ID:
        raise Damaged("it is some other program's database")
    elif version != VERSION:
        raise Damaged(f"it is of version {version}; this affectd knows version {VERSION}")
    elif made != set(TABLES[:2]):
        raise Damaged("its tables are not as they were made")
