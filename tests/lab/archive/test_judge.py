"""A row for each recording: what `affectd analyze` says of it, or one line of what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import analysis, assembly
from daemon.settings import SeatSettings, Settings
from models.lab.archive.judge import Asked, Row, Task, judged, labels_of, made_of
from models.lab.errors import LabError
from tests.fixtures.stream_model import FILE
from tests.lab.archive import clips

MODEL = str(FILE)
NOBODY = 65534


def rows(*paths: Path) -> list[Row]:
    asked = Asked(MODEL, tuple(made_of(MODEL).items()))
    return judged(asked, Task(tuple(range(len(paths))), tuple(os.fsencode(path) for path in paths)))


def test_it_says_what_analyze_says(tmp_path: Path) -> None:
    paths = sorted(clips.write(tmp_path / "clips", 4).iterdir())
    model, settings = assembly.open_model(MODEL), replace(Settings(), seat=SeatSettings(adapt=False))
    found = rows(*paths)
    for path, row in zip(paths, found):
        said = analysis.analyze(path, settings, model)
        assert (row.label, row.confidence, row.seconds, row.error) == (said.label, said.confidence, said.duration_s, None)
        assert dict(zip(labels_of(MODEL), row.probabilities)) == said.probabilities
        assert (row.utterances, row.windows) == (len(said.utterances), said.n_windows)
        assert row.uncertain == (said.label == "uncertain")
        assert row.milliseconds > 0
    assert [row.row for row in found] == [0, 1, 2, 3]
    assert len({row.probabilities for row in found}) == 4


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty.wav", "is empty (0 bytes)"),
        ("picture.wav", "cannot be read as sound: Format not recognised; want WAV, FLAC, Ogg or MP3"),
        ("silent.wav", "nobody speaks in its 0.6 s: nothing to judge"),
        ("dangling.wav", "no such file"),
        ("vanished/with its folder.wav", "no such file"),
        ("pipe.wav", "is no file, but a pipe, a socket or a device"),
        ("", "is a folder, want a recording"),
        ("n" * 300 + ".wav", "cannot be read (File name too long)"),
        ("a\0b.wav", "ValueError: embedded null byte"),
    ],
)
def test_what_is_wrong_with_a_recording_is_one_line_in_its_row(name: str, says: str, tmp_path: Path) -> None:
    clips.add_bad(tmp_path)
    (row,) = rows(tmp_path / name)
    assert row.error == says
    assert (row.label, row.confidence, row.probabilities, row.seconds, row.uncertain) == (None, None, (), None, None)


def test_a_recording_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch(mode=0o000)
    rows(path)  # the model is opened, and all is loaded
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        (row,) = rows(path)
    finally:
        os.seteuid(was)
    assert row.error == "cannot be read (Permission denied)"


def test_a_model_that_is_not_there_or_of_another_content_is_refused() -> None:
    with pytest.raises(LabError, match=r"unknown model 'affectnot': known are .*; did you mean 'affectnet'"):
        made_of("affectnot")
    unlike = {**made_of(MODEL), "model's sha256": "0" * 64}
    with pytest.raises(LabError, match=r"the worker on .*: model's sha256 is [0-9a-f]{12}\.\.\. there and 0{12}\.\.\. here"):
        judged(Asked(MODEL, tuple(unlike.items())), Task((), ()))
