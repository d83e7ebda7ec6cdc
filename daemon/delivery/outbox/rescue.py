"""A file that is damaged, foreign or of another version: put aside, and what can still be read of it is saved."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Iterable, Iterator
from urllib.parse import quote

from daemon.delivery.outbox.file import OutboxFile
from daemon.delivery.outbox.letter import Row, from_row
from daemon.delivery.outbox.tables import COLUMNS, MARK_SEQ, UNREADABLE, Damaged, DiskTrouble, connect, judged
from daemon.durable import sync_folder

MOST_BAD = 5
"""Files put aside are kept for whoever wants to know why; a disk is finite, so the oldest go."""
MOST_ASKED = 1_000_000
"""Where a file has to be asked number by number, at most so many."""
SIDES = ("-wal", "-shm")


def rescue(path: Path, low: int, high: int) -> tuple[str, int]:
    """Put the file aside and make a new one with what is whole of it: the name of the old one, and how many rows were saved.

    `low`, `high`: numbers of letters that may be needed are above the one and up to the other. Raises DiskTrouble; then
    everything is as it was.
    """
    new = path.with_name(path.name + ".new")
    _remove(new)
    try:
        n_rows = _fill(new, _whole_rows(path, low, high))
        with judged():
            aside = _free_name(path)
            _move(path, aside)
            os.replace(new, path)
            sync_folder(path.parent)
    except (DiskTrouble, Damaged) as trouble:
        _remove(new)
        raise DiskTrouble(f"nor can it be put aside: {trouble}") from trouble
    return aside.name, n_rows


def _fill(path: Path, rows: Iterable[Row]) -> int:
    file = OutboxFile(path)
    try:
        return file.put(rows)
    finally:
        file.close()


def _whole_rows(path: Path, low: int, high: int) -> Iterator[Row]:
    """From both ends as far as they can be read, then number by number what is between: each row once."""
    if path.is_dir():
        return
    try:
        opened = connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    except sqlite3.Error:
        return
    with closing(opened) as connection:
        query = f"SELECT {COLUMNS} FROM letters WHERE seq"
        yield from _readable(connection, f"{query} = ?", MARK_SEQ)
        front, back = low, high + 1
        for row in _readable(connection, f"{query} > ? ORDER BY seq", low):
            front = max(front, row[0])
            yield row
        for row in _readable(connection, f"{query} > ? ORDER BY seq DESC", front):
            back = row[0]
            yield row
        for seq in range(front + 1, min(back, front + MOST_ASKED)):
            yield from _readable(connection, f"{query} = ?", seq)


def _readable(connection: sqlite3.Connection, query: str, number: int) -> Iterator[Row]:
    """Whole rows, until the first that cannot be read."""
    with suppress(*UNREADABLE):
        for row in connection.execute(query, (number,)):
            if from_row(row):
                yield row


def _free_name(path: Path) -> Path:
    """outbox.sqlite.bad, .bad.1, .bad.2 ...: where all are taken, the oldest goes."""
    names = [path.with_name(path.name + ".bad"), *(path.with_name(f"{path.name}.bad.{n}") for n in range(1, MOST_BAD))]
    for name in names:
        if not os.path.lexists(name):
            return name
    oldest = min(names, key=lambda name: name.stat().st_mtime)
    _remove(oldest)
    return oldest


def _move(path: Path, aside: Path) -> None:
    # the log first: without it the file is older, with one of another file it would be nonsense
    with suppress(FileNotFoundError):
        os.replace(f"{path}-wal", f"{aside}-wal")
    with suppress(FileNotFoundError):
        os.remove(f"{path}-shm")
    os.replace(path, aside)


def _remove(path: Path) -> None:
    for side in ("", *SIDES):
        with suppress(OSError):
            os.remove(f"{path}{side}")
