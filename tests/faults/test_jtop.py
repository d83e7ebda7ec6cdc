"""jtop dying, restarting and stalling: the logger goes on, and counts no energy that nobody measured."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, Sequence, TypeVar

import pytest

from daemon.power.report import Figures, figures_of
from daemon.power.trace import read_traces
from tests.daemon.power.logging_process import LoggingProcess, Row
from tests.faults.form import rounds
from tests.fixtures.fake_jetson import FakeJetson

T = TypeVar("T")
NOBODY = 9
"""A port where there is no broker."""
LEVEL_W = 5.0
# from watts to watts within seconds; the first and the last are level
SCRIPT = (
    (5.0, 5.0, 2.0),
    (5.0, 12.0, 3.0),
    (12.0, 12.0, 1.0),
    (12.0, 7.0, 2.5),
    (7.0, 9.0, 1.5),
    (9.0, 5.0, 3.0),
    (5.0, 5.0, 2.0),
)
TRIES = 5
"""Where the machine is so busy that jtop misses a beat of 2 s, nothing was measured meanwhile, and the try does not count."""


@pytest.fixture
def jetson() -> Iterator[FakeJetson]:
    with FakeJetson() as board:
        yield board


def pairwise(ones: Sequence[T]) -> Iterator[tuple[T, T]]:
    return zip(ones, ones[1:])


def is_measured(row: Row) -> bool:
    return row["state"] == "measured"


def is_away(row: Row) -> bool:
    return row["state"] == "away"


def restart(board: FakeJetson) -> None:
    board.kill()
    board.start()


FAULTS: dict[str, tuple[Callable[[FakeJetson], None], Callable[[FakeJetson], None]]] = {
    "killed": (FakeJetson.kill, FakeJetson.start),
    "frozen": (FakeJetson.freeze, FakeJetson.thaw),
    "frozen in what reads, while what answers goes on": (FakeJetson.freeze_the_reader, FakeJetson.thaw_the_reader),
    "frozen, then killed": (FakeJetson.freeze, restart),
}


def test_whatever_happens_to_jtop_the_logger_goes_on(tmp_path: Path, jetson: FakeJetson) -> None:
    """Each time it says so, with empty cells, goes on in step, and has figures again by itself."""
    chance = random.Random(1)
    with LoggingProcess(tmp_path, NOBODY, interval_s=0.2) as logger:
        logger.await_row(is_measured)
        descriptors = len(os.listdir(f"/proc/{logger.child.pid}/fd"))
        for number in rounds("jtop dying, restarting and stalling", 1, 10):
            for name, (harm, mend) in FAULTS.items():
                n_rows = len(logger.rows())
                harm(jetson)
                away = logger.await_row(is_away, after=n_rows)
                assert (away["total_w"], away["mode"], away["throttling"]) == ("", "", ""), name
                watts = round(chance.uniform(3.0, 15.0), 3)
                jetson.draw(watts)
                if number:
                    time.sleep(chance.uniform(0.0, 12.0))
                n_rows = len(logger.rows())
                mend(jetson)
                row = logger.await_row(is_measured, after=n_rows, meanwhile=jetson.revive)
                assert float(row["total_w"]) == pytest.approx(watts, abs=0.01), f"{name}: old figures are none"
        assert len(os.listdir(f"/proc/{logger.child.pid}/fd")) <= descriptors + 1
        assert logger.stop() == 0
        rows = logger.rows()
    assert logger.said().count("Traceback") == 0
    elapsed_s = [float(row["elapsed_s"]) for row in rows]
    assert max(later - before for before, later in pairwise(elapsed_s)) < 20.0, "it has waited for jtop"
    energy_j = [float(row["energy_j"]) for row in rows if row["energy_j"]]
    assert energy_j == sorted(energy_j)
    still = [(before, row) for before, row in pairwise(rows) if is_away(before) and is_away(row)]
    assert still
    assert all(before["energy_j"] == row["energy_j"] for before, row in still), "energy that nobody measured"


class Board:
    """Draws by the script, and writes down what was drawn when: that is the truth, which no sampling has a part in."""

    def __init__(self, jetson: FakeJetson) -> None:
        self._jetson = jetson
        self._levels: list[tuple[float, float]] = []

    def act(self) -> None:
        """Returns when the script is over."""
        for first_w, last_w, length_s in SCRIPT:
            began_s = time.monotonic()
            share = 0.0
            while share < 1.0:
                share = min(1.0, (time.monotonic() - began_s) / length_s)
                watts = round((first_w + (last_w - first_w) * share) * 200) / 200
                self._jetson.draw(watts)
                self._levels.append((time.monotonic(), watts))
                time.sleep(0.02)

    @property
    def above_level_j(self) -> float:
        """Energy over LEVEL_W."""
        return sum((later - now) * (watts - LEVEL_W) for (now, watts), (later, _) in pairwise(self._levels))


def logged(folder: Path, jetson: FakeJetson) -> tuple[Figures, float]:
    """What was logged of the script, and the truth in joules."""
    folder.mkdir()
    jetson.draw(LEVEL_W)
    board = Board(jetson)
    with LoggingProcess(folder, NOBODY, interval_s=0.5) as logger:
        logger.await_row(lambda row: is_measured(row) and float(row["total_w"]) == LEVEL_W)
        board.act()
        # some more intervals, so that the end is level
        logger.await_row(is_measured, after=len(logger.rows()) + 2, meanwhile=jetson.revive)
        assert logger.stop() == 0
    found = figures_of(read_traces([logger.table]))
    # the ends are level: when exactly the logger began and ended makes no difference
    return found, LEVEL_W * found.measured_s + board.above_level_j


def test_the_energy_of_a_known_trace_is_right_to_one_percent(tmp_path: Path, jetson: FakeJetson) -> None:
    for number in rounds("the energy of a known trace", 1, 20):
        tries = (logged(tmp_path / f"{number}-{again}", jetson) for again in range(TRIES))
        found, truth_j = next((found, truth_j) for found, truth_j in tries if not found.n_breaks)
        assert found.energy_j is not None
        error = found.energy_j / truth_j - 1.0
        print(f"the energy of a known trace: {found.energy_j:.2f} J of {truth_j:.2f} J, {100.0 * error:+.2f} %")
        assert abs(error) < 0.01
        assert found.measured_s > sum(length_s for _, _, length_s in SCRIPT)


def test_a_logger_that_is_killed_leaves_no_process_behind(tmp_path: Path, jetson: FakeJetson) -> None:
    with LoggingProcess(tmp_path, NOBODY, interval_s=0.2) as logger:
        logger.await_row(is_measured)
        children = Path(f"/proc/{logger.child.pid}/task")
        pids = [int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()]
        assert len(pids) == 1
        jetson.freeze()
        logger.kill()
        gone = threading.Event()
        for _ in range(1200):
            if not Path(f"/proc/{pids[0]}").exists():
                gone.set()
                break
            time.sleep(0.05)
        jetson.thaw()
        assert gone.is_set(), "what reads jtop hangs in it for ever"
