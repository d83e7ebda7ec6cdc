"""The tables of the outbox's file, what is asked of them, and what SQLite's complaints mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator

from daemon.delivery.outbox.letter import GAP_TOPIC, ROW_BYTES, Letter, Row, as_row, from_row
from daemon.delivery.outbox.ranges import Ranges

APPLICATION_ID = 0x61666664
VERSION = 1
LOCKED_S = 2.0
COLUMNS = "seq, boot, topic, payload, retain, expiry_s, kept_s, crc"
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


def require_ours(connection: sqlite3.Connection) -> bool:
    """False for a file without tables: a new one. Raises Damaged for a foreign file, or one of another version."""
    application_id, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    made = {
        str(row[0], "utf-8", "replace")
        for row in connection.execute("SELECT CAST(coalesce(sql, 0) AS BLOB) FROM sqlite_master")
    }
    if not made and application_id == 0:
        return False
    if application_id != APPLICATION_ID:
        raise Damaged("it is some other program's database")
    if version != VERSION:
        raise Damaged(f"it is of version {version}; this affectd knows version {VERSION}")
    if made != set(TABLES[:2]):
        raise Damaged("its tables are not as they were made")
    return True


def stock(connection: sqlite3.Connection) -> tuple[Contents, int]:
    """Every page and row, once: what is in it, and the bytes of its letters, about. Raises Damaged."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
    if not verdict or verdict[0] != b"ok":
        raise Damaged(str(verdict[0] if verdict else b"", "utf-8", "replace").replace("\n", " ") or "no answer")
    contents = Contents()
    for row in connection.execute(f"SELECT {COLUMNS} FROM letters ORDER BY seq"):
        _take_stock(contents, row)
    total = connection.execute(f"SELECT total({SIZE}) FROM letters WHERE seq > {MARK_SEQ}").fetchone()[0]
    return contents, int(total)


def rows_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[tuple[Any, ...]]:
    """Rows above `seq`, at most `limit`, in order."""
    query = f"SELECT {COLUMNS} FROM letters WHERE seq > ? ORDER BY seq LIMIT ?"
    return connection.execute(query, (max(seq, MARK_SEQ), limit)).fetchall()


def oldest_rows(connection: sqlite3.Connection) -> Iterator[tuple[int, int, int]]:
    """seq, size and kept_s of the letters in order, gap letters left out."""
    query = f"SELECT seq, {SIZE}, kept_s FROM letters WHERE seq > {MARK_SEQ} AND topic != ? ORDER BY seq"
    with closing(connection.execute(query, (GAP_TOPIC.encode(),))) as rows:
        yield from rows


def as_mark_row(mark: bytes, clock_s: int) -> Row:
    """The ledger as the row that is no letter."""
    return as_row(Letter(MARK_SEQ, "mark", mark, False, None, ""), clock_s)


def _take_stock(contents: Contents, row: tuple[Any, ...]) -> None:
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
