"""A disk that fails as it is told, and an outbox on it."""

from __future__ import annotations

import errno
import random
import shutil
import sqlite3
import threading
from pathlib import Path

from daemon.delivery.outbox import Outbox
from daemon.settings import OutboxSettings
from tests.faults.life import PATIENCE_S, Life

SETTINGS = OutboxSettings(linger_ms=0.0)
WRITES = ("BEGIN", "INSERT", "DELETE", "COMMIT", "PRAGMA user_version =")
FAULTS = {
    "full": ("database or disk is full", WRITES, errno.ENOSPC),
    "read-only": ("attempt to write a readonly database", WRITES, errno.EROFS),
    "broken": ("disk I/O error", (*WRITES, "PRAGMA"), errno.EIO),
    "unreadable": ("disk I/O error", (*WRITES, "PRAGMA", "SELECT"), errno.EIO),
}


class Disk:
    """What the connections of an outbox ask before each statement."""

    def __init__(self) -> None:
        self.fails = ""
        self.says = ""
        self.statements: tuple[str, ...] = ()
        self.number = 0
        self.chance = random.Random(0)
        self.share = 1.0
        self.n_refused = 0

    def break_as(self, fault: str, share: float, chance: random.Random) -> None:
        """From now on this share of the statements that need the disk fails."""
        self.says, self.statements, self.number = FAULTS[fault]
        self.fails, self.share, self.chance = fault, share, chance

    def mend(self) -> None:
        """It is as good as new."""
        self.fails = ""

    def asked(self, statement: str) -> None:
        """Raises what SQLite would."""
        if self.fails and statement.startswith(self.statements) and self.chance.random() < self.share:
            self.n_refused += 1
            raise sqlite3.OperationalError(self.says)


def stored_in(outbox: Outbox) -> str:
    return str(outbox.summary()["storage"])


def await_storage(outbox: Outbox, storage: str) -> None:
    for _ in range(int(PATIENCE_S * 200)):
        if stored_in(outbox) == storage:
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"it never came to {storage}")


def drain(outbox: Outbox, life: Life) -> None:
    for _ in range(2):
        # what is refused on the way is named, too
        outbox.name_gaps()
        outbox.flush(PATIENCE_S)
        while len(outbox):
            life.deliver(outbox, 100)


def left_by_a_service(place: Path, life: Life, chance: random.Random, killed: bool) -> None:
    """20 letters were committed and 5 delivered; it ended cleanly, or was killed: then most lies in SQLite's log."""
    first = place if not killed else place.parent.with_name("killed") / place.name
    outbox = Outbox(first, "a", SETTINGS)
    life.commit(outbox, chance, 20)
    life.deliver(outbox, 5)
    assert outbox.flush(PATIENCE_S)
    if killed:
        shutil.copytree(first.parent, place.parent)
    outbox.close()
    if killed:
        shutil.rmtree(first.parent)
