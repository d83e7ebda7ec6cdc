"""A disk that is full, read-only or broken: the service goes on in memory, says so, and writes what waits when it is back."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import AT, NODE, await_that, delivering, message
from tests.daemon.wire import Watcher
from tests.faults.disks import SETTINGS, Disk, await_storage, drain, left_by_a_service, stored_in
from tests.faults.form import rounds
from tests.faults.life import PATIENCE_S, Life

pytestmark = pytest.mark.usefixtures("soon")


@pytest.mark.parametrize("fault", ["full", "read-only", "broken"])
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


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_service_that_begins_on_a_disk_that_can_be_read_delivers_what_is_there(
    fault: str, killed: bool, disk: Disk, tmp_path: Path
) -> None:
    """In order, before what is new; and it is deleted once the disk can be written."""
    life, chance, place = Life(), random.Random(2), tmp_path / "state" / "outbox.sqlite"
    left_by_a_service(place, life, chance, killed)
    disk.break_as(fault, 1.0, chance)
    outbox = Outbox(place, "b", SETTINGS)
    assert (stored_in(outbox), outbox.last_seq, len(outbox)) == ("memory", 20, 15)
    life.commit(outbox, chance, 10)
    assert [letter.seq for letter in outbox.after(0, 100)] == list(range(6, 31))
    assert outbox.summary()["oldest_s"] < PATIENCE_S
    life.deliver(outbox, 20)
    assert [letter.seq for letter in outbox.after(0, 100)] == list(range(26, 31)), "once a run is enough"
    disk.mend()
    await_storage(outbox, "disk")
    assert outbox.flush(PATIENCE_S)
    shutil.copytree(place.parent, tmp_path / "again")
    drain(outbox, life)
    outbox.close()
    assert (life.verdict().faults, life.verdict().named, life.verdict().duplicated) == ([], 0, 0)
    again = Outbox(tmp_path / "again" / place.name, "c", SETTINGS)
    assert [letter.seq for letter in again.after(0, 100)] == list(range(26, 31)), "what was delivered is deleted"
    again.close()


def test_a_service_that_begins_on_a_disk_that_cannot_be_read_goes_on_from_the_numbers_that_it_had(
    disk: Disk, tmp_path: Path
) -> None:
    life, chance, place = Life(), random.Random(2), tmp_path / "state" / "outbox.sqlite"
    left_by_a_service(place, life, chance, killed=False)
    disk.break_as("unreadable", 1.0, chance)
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


@pytest.mark.parametrize("begins", [False, True], ids=["while it runs", "when it begins"])
def test_letters_that_newer_ones_have_passed_come_once_the_disk_can_be_read(
    begins: bool, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the same connection: what cannot be read does not hold up what is new, nor is it forgotten for it."""
    place, chance = tmp_path / "outbox.sqlite", random.Random(4)
    outbox = Outbox(place, "b", SETTINGS, NODE, lambda: AT)
    for number in range(10):
        outbox.commit(message(number=number))
    assert outbox.flush(PATIENCE_S)
    if begins:
        outbox.close()
    disk.break_as("unreadable", 1.0, chance)
    if begins:
        outbox = Outbox(place, "b", SETTINGS, NODE, lambda: AT)
    outbox.commit(message(number=10))
    await_storage(outbox, "memory")
    with PrivateBroker() as broker, Watcher(broker.port) as watcher, delivering(
        BrokerSettings(port=broker.port), outbox
    ) as delivery:
        watcher.await_that(lambda: len(watcher.of("utterance")) == 1)
        await_that(lambda: not outbox.after(0, 1))
        disk.mend()
        watcher.await_that(lambda: len(watcher.of("utterance")) == 11)
        await_that(lambda: not len(outbox))
        assert delivery.summary()["connections"] == 1
    outbox.close()
    assert [one.body["number"] for one in watcher.of("utterance")] == [10, *range(10)]


def test_numbers_given_twice_are_given_anew(disk: Disk, tmp_path: Path) -> None:
    """The disk cannot be read, nor can the mark; then it is back, and has letters of those numbers."""
    life, chance = Life(), random.Random(3)
    place = tmp_path / "outbox.sqlite"
    outbox = Outbox(place, "a", SETTINGS)
    life.commit(outbox, chance, 20)
    outbox.close()
    place.with_suffix(".mark").unlink()
    disk.break_as("unreadable", 1.0, chance)
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
