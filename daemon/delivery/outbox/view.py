"""The file as a disk that cannot be written shows it: read, and nothing made beside it, so that what waits can be delivered."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from daemon.delivery.outbox import tables
from daemon.delivery.outbox.tables import Contents, Damaged, connect, judged

WITHOUT_LOG = "immutable=1"
"""A file of SQLite's WAL mode without its log: else it would have to be made."""
WITH_LOG = "mode=ro&vfs=unix-none"
"""Its log's index would have to be made: it is kept in memory where nobody else has the file (see locking_mode)."""


class View:
    """Of a file that no other connection of this process has open: `HighWater` keeps other processes away. Any thread."""

    def __init__(self, path: Path) -> None:
        """Raises DiskTrouble, or Damaged for what is not one of ours, of this version."""
        self.n_bytes = 0
        """Of the letters in it, about; known once its stock was taken."""
        self._lock = threading.Lock()
        with judged():
            self._connection = _opened(path)

    def stock(self) -> Contents:
        """Every row and page, once. Raises DiskTrouble or Damaged."""
        with self._lock, judged():
            contents, self.n_bytes = tables.stock(self._connection)
        return contents

    def after(self, seq: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows above `seq`, at most `limit`, in order. Raises DiskTrouble or Damaged."""
        with self._lock, judged():
            return tables.rows_after(self._connection, seq, limit)

    def oldest(self) -> list[tuple[int, int, int]]:
        """seq, size and kept_s of the letters in order, gap letters left out. Raises DiskTrouble or Damaged."""
        with self._lock, judged():
            return list(tables.oldest_rows(self._connection))

    def close(self) -> None:
        """Nothing is written."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    has_log = os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal") > 0
    how = WITH_LOG if has_log else WITHOUT_LOG
    connection = connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)
    try:
        if has_log:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if not tables.require_ours(connection):
            raise Damaged("it has no tables")
        return connection
    except BaseException:
        with closing(connection):
            raise
