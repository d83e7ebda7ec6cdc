"""The report's pictures of recordings, on a generated corpus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.lab import __main__ as cli
from models.lab import publish, report
from models.lab.errors import LabError
from models.lab.recordings import PARAMS, draw_augmentations, draw_spectrograms, one_of_each
from tests.lab import tiny
from tests.lab.tiny_report import assert_sane, prepared


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepared(tmp_path, monkeypatch)


def write_tones(root: Path, names: tuple[str, ...], n_samples: int = 16000) -> None:
    where = root / tiny.CORPUS.folder
    where.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        tone = 0.3 * np.sin(2 * np.pi * 300.0 * (k + 1) * np.arange(n_samples) / PARAMS.sample_rate_hz)
        soundfile.write(where / f"{name}.wav", tone, PARAMS.sample_rate_hz, subtype="PCM_16")


WHOLE = ("03a01Wa", "03a02Na", "08a01Na", "08a01Ta", "08a01Wa", "08a01Wb")


def test_the_paper_s_picture_is_asked_for() -> None:
    assert (PARAMS.frame_samples, PARAMS.n_fft, PARAMS.n_mels) == (2048, 2048, 128)
    assert (PARAMS.f_min_hz, PARAMS.f_max_hz) == (0.0, 8000.0)


def test_one_speaker_who_has_every_label(tmp_path: Path) -> None:
    write_tones(tmp_path, WHOLE)
    assert [utterance.path.stem for utterance in one_of_each(tiny.CORPUS, tmp_path)] == ["08a01Wa", "08a01Na", "08a01Ta"]


def test_nobody_who_has_every_label(tmp_path: Path) -> None:
    write_tones(tmp_path, WHOLE[:2])
    with pytest.raises(LabError, match=r"TINY: nobody in .* has an utterance of every label"):
        one_of_each(tiny.CORPUS, tmp_path)


def test_the_pictures_are_there_and_twice_the_same(tmp_path: Path) -> None:
    write_tones(tmp_path, WHOLE)
    for draw in (draw_spectrograms, draw_augmentations):
        once, again = tmp_path / "once.png", tmp_path / "again.png"
        draw(tiny.CORPUS, tmp_path, once)
        draw(tiny.CORPUS, tmp_path, again)
        assert_sane(once)
        assert once.read_bytes() == again.read_bytes()


def test_less_than_a_frame_is_refused(tmp_path: Path) -> None:
    write_tones(tmp_path, WHOLE, n_samples=2047)
    with pytest.raises(LabError, match=r"08a01Wa\.wav: 2047 samples: want one frame at least, 2048"):
        draw_spectrograms(tiny.CORPUS, tmp_path, tmp_path / "picture.png")


def test_the_report_shows_what_was_drawn(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = replace(tiny.CORPUS, name="ABSENT", folder="ABSENT")
    drawn = tuple(zip((tiny.CORPUS, absent), ("spectrograms-emo-db.png", "spectrograms-ravdess.png")))
    monkeypatch.setattr(publish, "SPECTROGRAMS", drawn)
    monkeypatch.setattr(publish, "AUGMENTATION", (tiny.CORPUS, "augmentation-emo-db.png"))
    monkeypatch.delenv("AFFECTD_CORPORA", raising=False)
    write_tones(folder / "corpora", WHOLE)
    assert cli.main(["report", "--results", "results", "--out", "out", "--corpora"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("affectd-lab: ABSENT: no folder corpora/ABSENT; set AFFECTD_CORPORA")
    text = (folder / "out" / "RESULTS.md").read_text(encoding="utf-8")
    for name in report.RECORDINGS:
        assert f"(pictures/{name})" in text
        assert (folder / "out" / "pictures" / name).is_file()
    assert "ravdess.png" not in text
