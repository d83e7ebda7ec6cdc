"""The file of rows: whole rows in files of a size, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import csv
import logging
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.power.table import OURS, Table

ROOT = Path(__file__).parents[3]
MB = 10**6


def cells(number: int, **more: str) -> dict[str, str]:
    return {"at": "2026-11-27T08:00:00.000Z", "run": "r", "elapsed_s": f"{number}.000", **more}


def rows_of(path: Path) -> list[dict[str, str]]:
    """Fails where a line is not whole."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(OURS)
    assert text.endswith("\n")
    rows = list(csv.DictReader(text.splitlines()))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def numbers_of(*paths: Path) -> list[int]:
    return [int(float(row["elapsed_s"])) for path in paths for row in rows_of(path)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "power.csv"


def test_a_header_whose_names_end_in_units_and_a_row_a_write(place: Path) -> None:
    table = Table(place, MB, 3)
    for number in range(3):
        table.write(cells(number, total_w="5.0"))
    table.close()
    assert place.read_text().splitlines()[0] == "at,run,elapsed_s,total_w"
    assert numbers_of(place) == [0, 1, 2]


def test_a_restart_goes_on_in_the_same_file_and_what_is_not_known_stays_empty(place: Path) -> None:
    for number, more in ((0, {"total_w": "5.0", "mode": "15W, 6 cores"}), (1, {}), (2, {"mode": "x"})):
        table = Table(place, MB, 3)
        table.write(cells(number, **more))
        table.close()
    assert [(row["total_w"], row["mode"]) for row in rows_of(place)] == [("5.0", "15W, 6 cores"), ("", ""), ("", "x")]


def test_new_columns_begin_a_new_file_once(place: Path) -> None:
    table = Table(place, MB, 9)
    for number, more in enumerate(({}, {"b_w": "1"}, {"c_w": "2"}, {"b_w": "3"}, {"c_w": "4"})):
        table.write(cells(number, **more))
    table.close()
    older = [place.with_name(f"power.csv.{number}") for number in (2, 1)]
    assert [numbers_of(path) for path in (*older, place)] == [[0], [1], [2, 3, 4]]
    assert [(row["c_w"], row["b_w"]) for row in rows_of(place)] == [("2", ""), ("", "3"), ("4", "")]


@settings(max_examples=25)
@given(n_rows=st.integers(1, 300), max_bytes=st.integers(100, 2000), n_files=st.integers(1, 4))
def test_rotation_keeps_the_newest_rows_in_files_of_the_size(
    tmp_path_factory: pytest.TempPathFactory, n_rows: int, max_bytes: int, n_files: int
) -> None:
    place = tmp_path_factory.mktemp("rotation") / "power.csv"
    table = Table(place, max_bytes, n_files)
    for number in range(n_rows):
        table.write(cells(number))
    table.close()
    found = sorted(place.parent.iterdir(), key=lambda path: int(path.suffix[1:]) if path != place else 0, reverse=True)
    assert len(found) <= n_files
    numbers = numbers_of(*found)
    assert numbers == list(range(numbers[0], n_rows)), "the newest, none missing, none twice"
    assert all(path.stat().st_size <= max_bytes for path in found)
    if numbers[0]:
        assert len(found) == n_files, "rows went although there was room for a file"


WRITER = """
import sys
from pathlib import Path
from daemon.power.table import Table
table = Table(Path(sys.argv[1]), 60000, 3)
number = 0
while True:
    table.write({"at": "now", "run": "r", "elapsed_s": f"{number}", "throttling": "x" * 300})
    number += 1
"""


def test_a_kill_at_any_moment_leaves_no_half_row_behind_the_next_start(place: Path) -> None:
    chance = random.Random(1)
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(place)], cwd=ROOT)
        size = place.stat().st_size if place.exists() else 0
        until_s = time.monotonic() + 60.0
        while not (place.exists() and place.stat().st_size != size) and time.monotonic() < until_s:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        child.wait()
        table = Table(place, MB, 3)
        table.write({"at": "now", "run": "r", "elapsed_s": "7", "throttling": "last"})
        table.close()
        assert rows_of(place)[-1]["throttling"] == "last"
        for path in place.parent.iterdir():
            rows_of(path)


@pytest.mark.parametrize("kept", range(1, 90, 8))
def test_half_a_row_is_cut_off_and_said(place: Path, kept: int, caplog: pytest.LogCaptureFixture) -> None:
    table = Table(place, MB, 3)
    for number in range(2):
        table.write(cells(number))
    table.close()
    whole = place.read_bytes()
    place.write_bytes(whole[:kept])
    table = Table(place, MB, 3)
    table.write(cells(2))
    table.close()
    assert numbers_of(place) == [*range(whole[:kept].count(b"\n") - 1), 2]
    assert ("half a row" in caplog.text) == (not whole[:kept].endswith(b"\n"))


@pytest.mark.parametrize(
    "foreign", [b"my shopping list\n", b"time,watts\n1,2\n", b"\xff\x00\xfe", b"at,run\n1,2\n", b"x" * 100000]
)
def test_a_file_that_is_not_ours_is_put_aside_as_it_was(place: Path, foreign: bytes, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("power.csv.aside", "power.csv.aside-1"):
        place.write_bytes(foreign)
        table = Table(place, MB, 1)
        table.write(cells(0))
        table.close()
        assert place.with_name(name).read_bytes() == foreign
        assert numbers_of(place) == [0]
        assert f"put aside as {name}" in caplog.text


def test_a_file_that_somebody_takes_away_is_made_anew(place: Path) -> None:
    table = Table(place, MB, 3)
    table.write(cells(0))
    place.rename(place.with_name("taken"))
    table.write(cells(1))
    table.close()
    assert numbers_of(place) == [1]
    assert numbers_of(place.with_name("taken")) == [0]


def test_two_loggers_do_not_write_one_file(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Table(place, MB, 3), Table(place, MB, 3)
    first.write(cells(0))
    second.write(cells(1))
    assert (second.n_lost, numbers_of(place)) == (1, [0])
    assert "another power-log writes to it" in caplog.text
    first.close()
    second.write(cells(2))
    second.close()
    assert numbers_of(place) == [0, 2]


def test_a_place_that_cannot_be_written_is_said_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file in the folder's place")
    table = Table(blocked / "power.csv", MB, 3)
    for number in range(5):
        table.write(cells(number))
    assert table.n_lost == 5
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    blocked.unlink()
    table.write(cells(5))
    table.close()
    assert numbers_of(blocked / "power.csv") == [5]
    assert "rows lost: 5" in caplog.text


def test_a_full_disk_costs_rows_and_no_row_is_half(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    place, filler = small_disk / "power.csv", small_disk / "filler"
    table = Table(place, 10 * MB, 3)
    # pages of another size than rows: the last row fits in part
    long = {"throttling": "x" * 700}
    table.write(cells(0, **long))
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(os.urandom(4096))
        except OSError:
            os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - 8192)
    number = 1
    while not table.n_lost:
        table.write(cells(number, **long))
        number += 1
    for _ in range(20):
        table.write(cells(number, **long))
        number += 1
    assert numbers_of(place) == list(range(number - table.n_lost))
    assert caplog.text.count("No space left on device") == 1
    n_lost = table.n_lost
    filler.unlink()
    table.write(cells(number, **long))
    table.close()
    assert numbers_of(place)[-1] == number
    assert f"rows lost: {n_lost}" in caplog.text
