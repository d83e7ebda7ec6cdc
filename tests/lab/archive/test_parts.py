"""Parts are there whole or not at all, a rerun goes on from them, and nothing of another run is touched."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Sequence

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lab.archive import parts as under_test
from models.lab.archive.judge import Row
from models.lab.archive.parts import Parts
from models.lab.errors import LabError
from tests.lab.small_disk import small_disk

LABELS = ("anger", "neutral")
MADE_OF = {"model": "small", "model's sha256": "a" * 64, "recordings": "20"}
PATHS = [f"/archive/{number}.wav" for number in range(20)]


def row(number: int) -> Row:
    if number % 5 == 4:
        return Row(number, 1.0, error="is empty (0 bytes)")
    share = number / 20
    return Row(number, 1.0, None, "anger", share, (share, 1 - share), 2.5, 1, 3)


def opened(folder: Path, made_of: dict[str, str] = MADE_OF, paths: Sequence[str] = PATHS) -> Parts:
    return Parts(folder / "out.parquet", paths, LABELS, made_of)


def test_the_result_has_a_row_for_each_recording_in_the_order_of_the_listing(tmp_path: Path) -> None:
    numbers = list(range(20))
    random.Random(0).shuffle(numbers)
    with opened(tmp_path) as parts:
        for number in numbers:
            parts.add([row(number)])
            parts.write()
        parts.finish()
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["path"].to_pylist() == PATHS
    assert found["error"].to_pylist() == [row(number).error for number in range(20)]
    assert found["probabilities"][3].as_py() == {"anger": 0.15, "neutral": 0.85}
    assert found["label"][4].as_py() is found["probabilities"][4].as_py() is None
    assert found["uncertain"].to_pylist()[3:5] == [False, None]
    assert list(tmp_path.iterdir()) == [tmp_path / "out.parquet"]


@settings(max_examples=15)
@given(order=st.permutations(range(20)), cuts=st.sets(st.integers(1, 19), max_size=5), group=st.integers(1, 25))
def test_however_the_rows_came_the_result_is_the_same(
    order: list[int], cuts: set[int], group: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    bounds = [0, *sorted(cuts), 20]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "GROUP_ROWS", group)
        for begin, end in zip(bounds, bounds[1:]):
            with opened(folder) as parts:  # each time a run that is ended and goes on
                assert int(parts.done.sum()) == begin
                parts.add([row(number) for number in order[begin:end]])
        with opened(folder) as parts:
            parts.finish()
    found = pq.ParquetFile(folder / "out.parquet")
    assert found.read()["path"].to_pylist() == PATHS
    assert found.metadata.num_row_groups == -(-20 // group)


def test_a_name_that_is_not_utf8_can_be_read_and_found_again(tmp_path: Path) -> None:
    raw = b"/archive/caf\xe9.wav"
    with opened(tmp_path, paths=[os.fsdecode(raw), "/archive/café.wav"]) as parts:
        parts.add([row(0), row(1)])
        parts.finish()
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["path"].to_pylist() == ["/archive/caf\\xe9.wav", "/archive/café.wav"]
    assert found["path_bytes"].to_pylist() == [raw, None]


def test_what_was_half_written_counts_for_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as parts:
        parts.add([row(0), row(1)])
    (part,) = parts.folder.glob("*.parquet")
    (parts.folder / "0000000002-0000000003-2.parquet.partial").write_bytes(part.read_bytes()[:300])
    with opened(tmp_path) as parts:
        assert parts.done.tolist() == [True, True, *[False] * 18]
        assert not list(parts.folder.glob("*.partial"))


def test_a_damaged_part_is_judged_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(tmp_path) as parts:
        parts.add([row(0), row(1)])
    (part,) = parts.folder.glob("*.parquet")
    part.write_bytes(part.read_bytes()[:300])
    with opened(tmp_path) as parts:
        assert not parts.done.any()
    said = capsys.readouterr().err
    assert f"{part} is damaged" in said
    assert "judged again" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "other"}, "model is small there and other here"),
        ({"model's sha256": "b" * 64}, "model's sha256 is aaaaaaaaaaaa... there and bbbbbbbbbbbb... here"),
        ({"recordings": "21"}, "recordings is 20 there and 21 here"),
        ({"affectd": "2"}, "affectd is not known there and 2 here"),
    ],
)
def test_what_is_of_another_run_is_refused_and_left_alone(
    finished: bool, change: dict[str, str], says: str, tmp_path: Path
) -> None:
    with opened(tmp_path) as parts:
        parts.add([row(number) for number in range(20)])
        if finished:
            parts.finish()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    with pytest.raises(LabError) as trouble:
        opened(tmp_path, {**MADE_OF, **change})
    assert f"belongs to something else ({says}): name another --out, or remove " in str(trouble.value)
    assert "\n" not in str(trouble.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before
    with opened(tmp_path) as parts:  # nor is it locked any more
        assert parts.is_whole == finished


def test_what_is_no_result_of_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_text("my thesis")
    with pytest.raises(LabError, match=r"out\.parquet: is there, and is no result of `affectd-lab score`: name another --out"):
        opened(tmp_path)
    assert (tmp_path / "out.parquet").read_text() == "my thesis"


def test_two_runs_at_a_time_are_one_too_many(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LabError, match=r"out\.parquet\.parts: another run is writing there: wait for it"):
        opened(tmp_path)
    with opened(tmp_path) as parts:
        assert not parts.is_whole


def test_a_full_disk_keeps_what_was_written(tmp_path: Path) -> None:
    with opened(tmp_path) as parts:
        parts.add([row(0), row(1)])
    with opened(tmp_path) as parts:
        parts.add([row(2)])
        with pytest.raises(LabError) as trouble, small_disk():
            parts.write()
    assert str(trouble.value).endswith(
        "cannot be written (File too large): make room and type the same again, 2 of 20 recordings are kept"
    )
    with opened(tmp_path) as parts:
        assert int(parts.done.sum()) == 2
        assert not list(parts.folder.glob("*.partial"))
        parts.add([row(number) for number in range(2, 20)])
    with opened(tmp_path) as parts:
        says = r"out\.parquet cannot be written .*20 of 20 recordings are kept"
        with pytest.raises(LabError, match=says), small_disk():
            parts.finish()
    assert not (tmp_path / "out.parquet").exists()
    with opened(tmp_path) as parts:
        parts.finish()
    assert pq.read_table(tmp_path / "out.parquet")["path"].to_pylist() == PATHS


def test_a_folder_that_is_not_there_and_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match=r"the folder of the parts cannot be made \(Not a directory\)"):
        opened(tmp_path / "file")
