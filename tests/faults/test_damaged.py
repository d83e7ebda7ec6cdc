"""Files of the outbox truncated, flipped, emptied, replaced: each letter is read back as it was, or named by a gap."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Callable

import pytest

from daemon.delivery.outbox import Outbox
from daemon.settings import OutboxSettings
from tests.faults.form import rounds
from tests.faults.life import PATIENCE_S, Life

NAME = "outbox.sqlite"
EARLIER = "earlier"
SETTINGS = OutboxSettings(linger_ms=0.0)


def lived(folder: Path, chance: random.Random, life: Life) -> Path:
    """A folder as a life of the outbox leaves it: after a clean end, or as it was when the process was killed."""
    place = folder / "state" / NAME
    for boot in "ab"[: chance.choice((1, 2))]:
        outbox = Outbox(place, boot, SETTINGS)
        for _ in range(chance.randrange(1, 4)):
            life.commit(outbox, chance, chance.choice((1, 5, 60)))
            life.deliver(outbox, chance.choice((0, 3, 30)))
            if chance.random() < 0.3:
                life.refused.add(outbox.last_seq - chance.randrange(3))
            if chance.random() < 0.3:
                outbox.name_gaps()
            if chance.random() < 0.7:
                outbox.flush(PATIENCE_S)
            if not (folder / EARLIER).exists():
                shutil.copytree(place.parent, folder / EARLIER)
        outbox.flush(PATIENCE_S)
        if chance.random() < 0.5:
            shutil.copytree(place.parent, folder / f"killed-{boot}")
            outbox.close()
            place = folder / f"killed-{boot}" / NAME
        else:
            outbox.close()
    return place


def victim(place: Path, chance: random.Random) -> Path:
    """Mostly the file; its log, where there is one, or the mark beside it."""
    beside = [one for one in (Path(f"{place}-wal"), place.with_suffix(".mark")) if one.exists() and one.stat().st_size]
    return chance.choice([place, place, *beside])


def truncated(place: Path, chance: random.Random) -> None:
    path = victim(place, chance)
    os.truncate(path, chance.randrange(path.stat().st_size or 1))


def flipped(place: Path, chance: random.Random) -> None:
    path = victim(place, chance)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 3, 30))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def zeroed(place: Path, chance: random.Random) -> None:
    path = victim(place, chance)
    content = bytearray(path.read_bytes())
    begin = chance.randrange(len(content)) // 512 * 512
    n_bytes = chance.choice((512, 4096))
    content[begin : begin + n_bytes] = bytes(len(content[begin : begin + n_bytes]))
    path.write_bytes(content)


def empty(place: Path, chance: random.Random) -> None:
    victim(place, chance).write_bytes(b"")


def gone(place: Path, chance: random.Random) -> None:
    victim(place, chance).unlink()


def text(place: Path, chance: random.Random) -> None:
    place.write_text("This was the outbox.\n" * chance.choice((1, 1000)))


def folder(place: Path, chance: random.Random) -> None:
    place.unlink()
    place.mkdir()
    (place / "file").write_text("in it")


def later_version(place: Path, chance: random.Random) -> None:
    with closing(sqlite3.connect(place)) as file:
        file.execute("PRAGMA user_version = 2")
        if chance.random() < 0.5:
            file.execute("ALTER TABLE letters RENAME COLUMN payload TO content")
        file.commit()


def foreign(place: Path, chance: random.Random) -> None:
    for side in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.remove(f"{place}{side}")
    with closing(sqlite3.connect(place)) as file:
        file.execute("CREATE TABLE letters (seq INTEGER PRIMARY KEY, love TEXT)")
        file.execute("INSERT INTO letters VALUES (1, 'from somebody else')")
        file.commit()


def older(place: Path, chance: random.Random) -> None:
    """Somebody has put back a copy that was made earlier."""
    for side in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.remove(f"{place}{side}")
    shutil.copy(place.parent.with_name(EARLIER) / NAME, place)


DAMAGES = (truncated, flipped, zeroed, empty, gone, text, folder, later_version, foreign, older)
Damage = Callable[[Path, random.Random], None]


def survived(place: Path, life: Life, boot: str) -> None:
    """The service goes on: what is left is delivered, what is not is named, and new letters come through."""
    outbox = Outbox(place, boot, SETTINGS)
    assert outbox.summary()["storage"] == "disk", str(outbox.summary())
    life.commit(outbox, random.Random(1), 3)
    for _ in range(2):
        # a letter whose bits were changed is found when it is read
        outbox.name_gaps()
        outbox.flush(PATIENCE_S)
        while len(outbox):
            left = len(outbox)
            life.deliver(outbox, 1000)
            assert len(outbox) < left
    outbox.close()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_is_damaged_is_read_back_or_named(damage: Damage, tmp_path: Path) -> None:
    sums: Counter[str] = Counter()
    for seed in rounds(damage.__name__, 4, 200):
        chance, life = random.Random(f"{damage.__name__} {seed}"), Life()
        where = tmp_path / str(seed)
        place = lived(where, chance, life)
        damage(place, chance)
        survived(place, life, "y")
        survived(place, life, "z")
        verdict = life.verdict()
        assert verdict.faults == [], f"seed {seed}: {verdict.figures()}"
        sums.update(committed=verdict.committed, received=verdict.received, named=verdict.named)
        shutil.rmtree(where)
    print(f"{damage.__name__}: {sums['committed']} committed, {sums['received']} received, {sums['named']} named")
