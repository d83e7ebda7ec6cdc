"""Which recordings a folder or a list means, and what is dealt at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lab.archive import listing
from models.lab.archive.judge import Task
from models.lab.archive.listing import listed, tasks
from models.lab.errors import LabError

NOT_UTF8 = os.fsdecode(b"caf\xe9.wav")


def test_a_folder_is_all_that_is_named_as_sound_below_it_in_order(tmp_path: Path) -> None:
    for name in ("b.wav", "a/z.FLAC", "a/b/c.mp3", NOT_UTF8, "notes.txt", "wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "dangling.ogg").symlink_to("nowhere")
    found = [os.path.relpath(path, tmp_path) for path in listed(tmp_path).paths]
    assert found == ["a/b/c.mp3", "a/z.FLAC", "b.wav", NOT_UTF8, "dangling.ogg"]


def test_a_folder_that_cannot_be_looked_into_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "a.wav").touch()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("shut"):  # who is root may look into all: so the system is asked to say no
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [Path(path).name for path in listed(tmp_path).paths] == ["a.wav", "shut"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_a_list_keeps_its_order_and_names_each_recording_once(
    end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [b"b.wav", b"", b"a.wav", b"./b.wav", os.fsencode(tmp_path / "a.wav"), b"no such.wav", b"caf\xe9.wav"]
    Path("list.txt").write_bytes(end.join(lines) + end)
    found = listed(Path("list.txt"))
    assert found.paths == ["b.wav", "a.wav", "no such.wav", NOT_UTF8]
    assert found.n_twice == 2


def test_the_same_recordings_in_the_same_order_are_the_same_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "folder" / name).touch()
    monkeypatch.chdir(tmp_path)
    for name, lines in (("same", "folder/a.wav\nfolder/b.wav"), ("other", "folder/b.wav\nfolder/a.wav")):
        Path(name).write_text(lines)
    here = listed(Path("folder"))
    assert here.sha256 == listed(tmp_path / "folder").sha256 == listed(Path("same")).sha256 != listed(Path("other")).sha256


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "here: no recordings in this folder (.wav, "),
        (lambda path: path.touch(), "here: names no recording: want a path a line"),
        (lambda path: path.write_text("\n \n"), "here: names no recording"),
        (lambda path: None, "here: cannot be read (No such file or directory): want a folder, or a list of paths"),
    ],
)
def test_nothing_to_judge_is_one_line(make: object, says: str, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "here")
    with pytest.raises(LabError) as trouble:
        listed(tmp_path / "here")
    assert says in str(trouble.value)
    assert "\n" not in str(trouble.value)


def test_a_recording_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="one recording is judged by `affectd analyze`"):
        listed(tmp_path / "a.WAV")


@given(st.lists(st.integers(0, 3), max_size=40), st.data())
def test_each_missing_row_is_dealt_once_in_order_and_none_too_large(sizes: list[int], data: st.DataObject) -> None:
    missing = sorted(data.draw(st.sets(st.sampled_from(range(len(sizes))))) if sizes else [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_size", lambda path: sizes[int(path)] * listing.BYTES_A_TASK // 2)
        patch.setattr(listing, "FILES_A_TASK", 4)
        dealt = list(tasks([str(row) for row in range(len(sizes))], missing))
    assert [row for task in dealt for row in task.rows] == missing
    assert all(len(task.rows) == 1 or sum(sizes[row] for row in task.rows) <= 2 for task in dealt)
    assert all(0 < len(task.rows) <= 4 for task in dealt)
    assert all(task.paths == tuple(os.fsencode(os.path.abspath(str(row))) for row in task.rows) for task in dealt)


def test_a_task_falls_apart_into_its_recordings() -> None:
    assert Task((3, 5), (b"/a", b"/b")).singly() == [Task((3,), (b"/a",)), Task((5,), (b"/b",))]
