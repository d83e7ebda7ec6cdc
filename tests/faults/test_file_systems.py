"""A real file system that is full, or read-only."""

from __future__ import annotations

import random
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.delivery.outbox import Outbox
from tests.faults.disks import SETTINGS, await_storage, drain, left_by_a_service, stored_in
from tests.faults.form import rounds
from tests.faults.life import Life

pytestmark = pytest.mark.usefixtures("soon")


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


def test_a_service_that_begins_on_a_full_file_system(small_disk: Path) -> None:
    for seed in rounds("a service on a full file system", 2, 20):
        chance, life = random.Random(seed), Life()
        place = small_disk / str(seed) / "outbox.sqlite"
        left_by_a_service(place, life, chance, killed=seed % 2 == 1)
        fill(small_disk / "filler")
        outbox = Outbox(place, "b", SETTINGS)
        life.commit(outbox, chance, 20)
        await_storage(outbox, "memory")
        assert [letter.seq for letter in outbox.after(0, 100)] == list(range(6, 41))
        life.deliver(outbox, chance.randrange(35))
        (small_disk / "filler").unlink()
        await_storage(outbox, "disk")
        drain(outbox, life)
        outbox.close()
        assert (life.verdict().faults, life.verdict().named) == ([], 0), life.verdict().figures()
        shutil.rmtree(place.parent)


def test_a_file_system_that_is_really_read_only(small_disk: Path) -> None:
    for seed in rounds("a read-only file system", 2, 20):
        chance, life = random.Random(seed), Life()
        place = small_disk / str(seed) / "outbox.sqlite"
        left_by_a_service(place, life, chance, killed=seed % 2 == 1)
        if seed % 4 == 1:
            # after a power cut there may be no index of the log
            place.with_name(place.name + "-shm").unlink()
        remount(small_disk, "ro")
        outbox = Outbox(place, "b", SETTINGS)
        assert (stored_in(outbox), outbox.last_seq) == ("memory", 20)
        assert "ead-only file system" in outbox.summary()["trouble"]
        life.commit(outbox, chance, 10)
        assert [letter.seq for letter in outbox.after(0, 100)] == list(range(6, 31))
        life.deliver(outbox, chance.randrange(25))
        if chance.random() < 0.5:
            # what waits in memory is lost with the process, what lies on the disk comes again
            life.deliver(outbox, 25)
            outbox.close()
            outbox = Outbox(place, "b", SETTINGS)
            assert [letter.seq for letter in outbox.after(0, 100)] == list(range(6, 21))
        remount(small_disk, "rw")
        await_storage(outbox, "disk")
        if outbox.last_seq == 30:
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
