"""A disk that fails below SQLite: at any write, truncation or sync of its files, in the midst of a transaction, too."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from daemon.delivery.outbox import Outbox
from tests.faults.disks import SETTINGS, await_storage, drain
from tests.faults.form import rounds
from tests.faults.life import PATIENCE_S, Life
from tests.faults.sqlite_log import OK, recording

FAULTS = {
    "full": (("write", "truncate"), 13),
    "broken at writes": (("write", "truncate"), 778),
    "broken at syncs": (("sync",), 1034),
}
"""What fails, and SQLite's code: SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC."""

pytestmark = pytest.mark.usefixtures("soon")


class Failing:
    """Fails as it is told."""

    def __init__(self, fault: str, chance: random.Random) -> None:
        self._kinds, self._code = FAULTS[fault]
        self._chance = chance
        self.share = 0.0
        self.n_refused = 0

    def __call__(self, kind: str) -> int:
        if kind not in self._kinds or self._chance.random() >= self.share:
            return OK
        self.n_refused += 1
        return self._code


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_wherever_it_fails(fault: str, tmp_path: Path) -> None:
    n_refused = 0
    for seed in rounds(f"a disk that is {fault}, below SQLite", 3, 20):
        chance, life = random.Random(f"{fault} {seed}"), Life()
        place, killed = tmp_path / str(seed) / "outbox.sqlite", tmp_path / "killed"
        failing = Failing(fault, random.Random(seed))
        with recording(place.parent, failing):
            outbox = Outbox(place, "a", SETTINGS)
            for _ in range(4):
                life.commit(outbox, chance, chance.randrange(40))
                failing.share = chance.choice((1.0, 0.5, 0.1))
                life.commit(outbox, chance, 1 + chance.randrange(40))
                life.deliver(outbox, chance.randrange(60))
                life.commit(outbox, chance, 1 + chance.randrange(40))
                failing.share = 0.0
                await_storage(outbox, "disk")
            assert outbox.flush(PATIENCE_S)
            shutil.copytree(place.parent, killed)
            outbox.close()
        again = Outbox(killed / place.name, "b", SETTINGS)
        life.commit(again, chance, 1)
        drain(again, life)
        again.close()
        assert (life.verdict().faults, life.verdict().named) == ([], 0), f"seed {seed}: {life.verdict().figures()}"
        shutil.rmtree(killed)
        n_refused += failing.n_refused
    assert n_refused > 0
    print(f"a disk that is {fault}, below SQLite: {n_refused} calls refused; {life.verdict().figures()}")
