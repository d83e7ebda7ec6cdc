"""A disk that is full, read-only or broken: the service goes on in memory, says so, and writes what waits when it is back."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator

import pytest

from daemon.delivery.outbox import Outbox, writer
from daemon.settings import OutboxSettings
from tests.faults.form import rounds
from tests.faults.life import PATIENCE_S, Life
from tests.fixtures.asking_sqlite import asking

SETTINGS = OutboxSettings(linger_ms=0.0)
WRITES = ("BEGIN", "INSERT", "DELETE", "COMMIT", "PRAGMA user_version =")
FAULTS = {
    "full": ("database or disk is full", WRITES, errno.ENOSPC),
    "read-only": ("attempt to write a readonly database", WRITES, errno.EROFS),
    "broken": ("disk I/O error", (*WRITES, "PRAGMA"), errno.EIO),
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


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk for every outbox opened from now on; retries come quickly."""
    one = Disk()

    def connect(target: str, *rest: Any, **more: Any) -> sqlite3.Connection:
        return really_connect(target, *rest, factory=asking(one.asked), **more)

    def fdatasync(file: int) -> None:
        if one.fails:
            raise OSError(one.number, os.strerror(one.number))
        really_sync(file)

    really_connect, really_sync = sqlite3.connect, os.fdatasync
    monkeypatch.setattr(sqlite3, "connect", connect)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return one


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.005)
    monkeypatch.setattr(writer, "LONGEST_RETRY_S", 0.02)


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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_in_trouble_loses_nothing(fault: str, disk: Disk, tmp_path: Path) -> None:
    n_refused = 0
    for seed in rounds(f"a disk that is {fault}", 3, 20):
        chance, life = random.Random(f"{fault} {seed}"), Life()
        place = tmp_path / str(seed) / "outbox.sqlite"
        outbox = Outbox(place, "a", SETTINGS)
        for _ in range(3):
            life.commit(outbox, chance, chance.randrange(30))
            disk.break_as(fault, chance.choice((1.0, 1.0, 0.3)), chance)
            life.commit(outbox, chance, 1 + chance.randrange(30))
            if disk.share == 1.0:
                await_storage(outbox, "memory")
                assert disk.says in outbox.summary()["trouble"] or os.strerror(disk.number) in outbox.summary()["trouble"]
            life.deliver(outbox, chance.randrange(60))
            life.refused.add(outbox.last_seq - chance.randrange(30))
            if chance.random() < 0.5:
                outbox.name_gaps()
            life.commit(outbox, chance, 1 + chance.randrange(30))
            disk.mend()
            await_storage(outbox, "disk")
            assert outbox.summary()["trouble"] is None
        assert outbox.flush(PATIENCE_S)
        # what is on disk now outlives a SIGKILL
        shutil.copytree(place.parent, tmp_path / "killed")
        outbox.close()
        again = Outbox(tmp_path / "killed" / place.name, "b", SETTINGS)
        life.commit(again, chance, 1)
        drain(again, life)
        again.close()
        assert life.verdict().faults == [], f"seed {seed}: {life.verdict().figures()}"
        shutil.rmtree(tmp_path / "killed")
        n_refused += disk.n_refused
    print(f"a disk that is {fault}: {n_refused} statements refused; {life.verdict().figures()}")


def test_in_memory_there_is_an_end_too_and_it_is_named(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.delivery.outbox.outbox.MEMORY_BYTES", 20_000)
    life, chance = Life(), random.Random(1)
    outbox = Outbox(tmp_path / "outbox.sqlite", "a", SETTINGS)
    life.commit(outbox, chance, 5)
    disk.break_as("full", 1.0, chance)
    life.commit(outbox, chance, 1)
    await_storage(outbox, "memory")
    life.commit(outbox, chance, 100)
    summary = outbox.summary()
    assert summary["dropped"] > 50
    assert summary["waiting"] + summary["dropped"] == 106
    disk.mend()
    await_storage(outbox, "disk")
    drain(outbox, life)
    outbox.close()
    assert life.verdict().faults == []
    assert life.verdict().named == summary["dropped"]


def test_a_service_that_begins_on_a_bad_disk_goes_on_from_the_numbers_that_it_had(disk: Disk, tmp_path: Path) -> None:
    life, chance = Life(), random.Random(2)
    place = tmp_path / "outbox.sqlite"
    outbox = Outbox(place, "a", SETTINGS)
    life.commit(outbox, chance, 20)
    life.deliver(outbox, 5)
    outbox.close()
    disk.break_as("broken", 1.0, chance)
    outbox = Outbox(place, "b", SETTINGS)
    assert (stored_in(outbox), outbox.last_seq) == ("memory", 20)
    life.commit(outbox, chance, 10)
    assert [letter.seq for letter in outbox.after(0, 100)] == list(range(21, 31)), "what is new is not stuck behind the disk"
    disk.mend()
    await_storage(outbox, "disk")
    drain(outbox, life)
    outbox.close()
    assert life.verdict().faults == []
    assert life.verdict().named == 0


def test_numbers_given_twice_are_given_anew(disk: Disk, tmp_path: Path) -> None:
    """The disk cannot be read, nor can the mark; then it is back, and has letters of those numbers."""
    life, chance = Life(), random.Random(3)
    place = tmp_path / "outbox.sqlite"
    outbox = Outbox(place, "a", SETTINGS)
    life.commit(outbox, chance, 20)
    outbox.close()
    place.with_suffix(".mark").unlink()
    disk.break_as("broken", 1.0, chance)
    outbox = Outbox(place, "b", SETTINGS)
    other = Life()
    other.commit(outbox, chance, 10)
    assert outbox.last_seq == 10
    disk.mend()
    await_storage(outbox, "disk")
    assert [(letter.boot, letter.seq) for letter in outbox.after(0, 99)] == [
        *(("a", seq) for seq in range(1, 21)),
        *(("b", seq) for seq in range(21, 31)),
    ]
    outbox.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of a megabyte."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_file_system_that_is_really_full(small_disk: Path) -> None:
    for seed in rounds("a full file system", 2, 20):
        chance, life = random.Random(seed), Life()
        outbox = Outbox(small_disk / str(seed) / "outbox.sqlite", "a", SETTINGS)
        life.commit(outbox, chance, 10)
        fill(small_disk / "filler")
        while stored_in(outbox) == "disk":
            life.commit(outbox, chance, 20)
        assert "full" in outbox.summary()["trouble"]
        life.deliver(outbox, 15)
        life.commit(outbox, chance, 20)
        (small_disk / "filler").unlink()
        await_storage(outbox, "disk")
        shutil.copytree(small_disk / str(seed), small_disk / "killed")
        outbox.close()
        again = Outbox(small_disk / "killed" / "outbox.sqlite", "b", SETTINGS)
        life.commit(again, chance, 1)
        drain(again, life)
        again.close()
        assert life.verdict().faults == [], life.verdict().figures()
        assert life.verdict().named == 0
        for folder in (str(seed), "killed"):
            shutil.rmtree(small_disk / folder)


def test_a_file_system_that_is_really_read_only(small_disk: Path) -> None:
    for seed in rounds("a read-only file system", 2, 20):
        chance, life = random.Random(seed), Life()
        place = small_disk / str(seed) / "outbox.sqlite"
        outbox = Outbox(place, "a", SETTINGS)
        life.commit(outbox, chance, 10)
        outbox.close()
        remount(small_disk, "ro")
        outbox = Outbox(place, "b", SETTINGS)
        assert (stored_in(outbox), outbox.last_seq) == ("memory", 10)
        assert "ead-only file system" in outbox.summary()["trouble"]
        life.commit(outbox, chance, 10)
        assert [letter.seq for letter in outbox.after(0, 100)] == list(range(11, 21))
        remount(small_disk, "rw")
        await_storage(outbox, "disk")
        life.commit(outbox, chance, 1)
        drain(outbox, life)
        outbox.close()
        assert life.verdict().faults == [], life.verdict().figures()
        assert life.verdict().named == 0
        shutil.rmtree(place.parent)


def fill(filler: Path) -> None:
    with open(filler, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def remount(where: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(where)], check=True)
