"""Power cuts: whatever the disk has kept of what was not synced, all that was committed is there, in order.

The outbox itself runs, over Python's own SQLite, and each write, truncation and sync of its file, its log and its mark is
noted. From these the files are made as a cut between any two of them may leave them, and the outbox is begun on those.
What the kernel and the disk make of a sync is taken at their word.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from benchmarks.oracle import Verdict
from daemon.delivery.outbox import Outbox
from daemon.settings import OutboxSettings
from tests.faults.form import rounds, times
from tests.faults.life import PATIENCE_S, Life
from tests.faults.power import WAYS, Disk
from tests.faults.sqlite_log import Log, Op, recording

NAME = "outbox.sqlite"
SETTINGS = OutboxSettings(linger_ms=0.0)
SEED = 22
LIVES = 6
"""So many go on from each other's files."""

pytestmark = pytest.mark.timeout(7200)


class Noted:
    """A life whose log says how far it was: what was durable, and what a subscriber had."""

    def __init__(self, life: Life, log: Log, chance: random.Random) -> None:
        self.life, self._log, self._chance = life, log, chance

    def note(self) -> None:
        life = self.life
        self._log.add("note", note=(len(life.committed), len(life.received), len(life.gaps)))

    def live(self, place: Path, boot: str, n_steps: int) -> None:
        chance = self._chance
        outbox = Outbox(place, boot, SETTINGS)
        for _ in range(n_steps):
            self.life.commit(outbox, chance, chance.choice((1, 1, 5, 30, 300)))
            self.note()
            self._deliver(outbox, chance.choice((0, 3, 30, 500)))
            if chance.random() < 0.3:
                self.life.refused.add(chance.choice(self.life.committed[-3:]).seq)
            if chance.random() < 0.3:
                outbox.name_gaps()
            if chance.random() < 0.7:
                assert outbox.flush(PATIENCE_S)
            if chance.random() < 0.15:
                # its end brings the log into the file, and deletes it
                outbox.close()
                outbox = Outbox(place, boot, SETTINGS)
        assert outbox.summary()["storage"] == "disk"
        outbox.close()

    def _deliver(self, outbox: Outbox, n_letters: int) -> None:
        for letter in outbox.after(0, n_letters):
            if letter.seq in self.life.refused:
                outbox.put_aside(letter.seq, "too large")
            else:
                self.life.take(letter)
                # before the row is deleted for it
                self.note()
                outbox.delivered([letter.seq])


def as_of(life: Life, note: tuple[int, int, int]) -> Life:
    """What of it was so far."""
    n_committed, n_received, n_gaps = note
    committed = life.committed[:n_committed]
    # what was not durable has given its number back
    refused = life.refused & {item.seq for item in committed}
    return Life(committed, life.received[:n_received], life.gaps[:n_gaps], refused)


def survived(place: Path, life: Life, boot: str) -> Verdict:
    """The service begins on what is left."""
    outbox = Outbox(place, boot, SETTINGS)
    assert outbox.summary()["storage"] == "disk", outbox.summary()
    life.commit(outbox, random.Random(1), 3)
    for _ in range(2):
        # what is refused on the way is named, too
        outbox.name_gaps()
        assert outbox.flush(PATIENCE_S)
        while len(outbox):
            life.deliver(outbox, 10000)
    outbox.close()
    return life.verdict()


def cut_points(ops: list[Op], n_cuts: int, chance: random.Random) -> list[int]:
    """Every other just before or just after a sync, where one too few would show; the others anywhere."""
    syncs = [at + behind for at, op in enumerate(ops) if op.kind == "sync" for behind in (0, 1)]
    return sorted(chance.choice(syncs) if number % 2 else chance.randrange(len(ops)) for number in range(n_cuts))


class Cuts:
    """Lives that each begin on what a power cut has left of the one before, and are cut at many points."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._life, self._base = Life(), folder / "base"
        self._base.mkdir(parents=True)
        self.n_images = 0
        self.faults: list[str] = []
        self.figures = ""

    def once(self, number: int, n_steps: int, n_cuts: int) -> None:
        """A life, and the cuts of it; one of them is what the next begins on."""
        chance, state = self._chance, self._folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(self._base, state)
        disk, note = Disk(state), (len(self._life.committed), len(self._life.received), len(self._life.gaps))
        with recording(state) as log:
            Noted(self._life, log, chance).live(state / NAME, f"b{number}", n_steps)
        assert sum(op.kind == "write" for op in log.ops) > n_steps, "SQLite's writes are not seen"
        points = cut_points(log.ops, n_cuts, chance)
        keep, done = chance.choice(points), 0
        for at in points:
            for op in log.ops[done:at]:
                disk.do(op)
                note = op.note or note
            done = at
            image = self._folder / "image"
            disk.cut(image, chance.choice(WAYS), chance)
            life = as_of(self._life, note)
            if at == keep:
                shutil.rmtree(self._base)
                shutil.copytree(image, self._base)
                kept = as_of(self._life, note)
            self._judge(image, life, f"life {number}, cut {at} of {len(log.ops)}")
        self._life = kept

    def _judge(self, image: Path, life: Life, where: str) -> None:
        # nor is the real disk waited for here
        with recording(image) as log:
            verdict = survived(image / NAME, life, "y")
        self.n_images += 1
        self.figures = verdict.figures()
        self.faults += [f"{where}: {fault}" for fault in verdict.faults]
        self.faults += [f"{where}: {gap}" for gap in life.gaps if gap.reason == "damaged"]
        if life.committed and any(op.kind == "rename" for op in log.ops):
            self.faults.append(f"{where}: the file is damaged, and was put aside")
        shutil.rmtree(image)


def test_a_power_cut_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    n_images, cuts = 0, Cuts(tmp_path / "0", SEED)
    for number in rounds("power cuts", 4, 60):
        if number and number % LIVES == 0:
            # from an empty folder again
            n_images += cuts.n_images
            cuts = Cuts(tmp_path / str(number), SEED + number)
        cuts.once(number, n_steps=times(8, 12), n_cuts=12)
        assert cuts.faults == []
    print(f"{n_images + cuts.n_images} power cuts; the last: {cuts.figures}")


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_an_outbox_that_does_not_wait_for_the_disk_is_found_out(
    synchronous: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with another word in one pragma."""

    class Hasty(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> Any:
            return super().execute(sql.replace("synchronous = FULL", f"synchronous = {synchronous}"), *rest)

    really_connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *rest, **more: really_connect(*rest, factory=Hasty, **more))
    cuts = Cuts(tmp_path, SEED)
    cuts.once(0, n_steps=8, n_cuts=24)
    assert any("damaged" in fault for fault in cuts.faults), "what is lost is named at least: that was synced beside it"
