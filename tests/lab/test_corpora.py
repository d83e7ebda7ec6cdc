"""A corpus is found, counted, and refused when it is not whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.lab import corpora
from models.lab.corpora import CASIA, CORPORA, EMODB
from models.lab.errors import LabError
from tests.lab import tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.write_corpus(tmp_path)


def test_a_whole_corpus_has_no_complaints(folder: Path) -> None:
    utterances = corpora.whole(tiny.CORPUS, folder.parent)
    assert len(utterances) == 18
    assert utterances == sorted(utterances, key=lambda utterance: utterance.path)
    assert utterances[0].speaker == "03"
    assert {utterance.label for utterance in utterances} == {"anger", "neutral", "sadness"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=f"TINY: no folder {tmp_path / 'TINY'}; set AFFECTD_CORPORA"):
        corpora.find(tiny.CORPUS, tmp_path)


def test_missing_files_are_counted_by_label(folder: Path) -> None:
    (folder / "03a01Wa.wav").unlink()
    (folder / "08a01Wa.wav").unlink()
    with pytest.raises(LabError, match=r"is not whole: anger: missing 2 of 6$"):
        corpora.whole(tiny.CORPUS, folder.parent)


def test_a_missing_speaker_is_said(folder: Path) -> None:
    for path in folder.glob("09*"):
        path.unlink()
    said = corpora.complaints(tiny.CORPUS, corpora.find(tiny.CORPUS, folder.parent))
    assert said[-1] == "speakers: 2 instead of 3 (03, 08)"


def test_surplus_files_are_counted_by_label(folder: Path) -> None:
    shutil.copy(folder / "03a01Wa.wav", folder / "03a01Wc.wav")
    with pytest.raises(LabError, match="anger: surplus 1 of 6"):
        corpora.whole(tiny.CORPUS, folder.parent)


def test_the_same_recording_in_two_formats_is_noticed(folder: Path) -> None:
    (folder / "copy").mkdir()
    shutil.copy(folder / "03a01Wa.wav", folder / "copy" / "03a01Wa.wav")
    (folder / "03a01Wb.wav").unlink()  # the count alone would look right
    said = corpora.complaints(tiny.CORPUS, corpora.find(tiny.CORPUS, folder.parent))
    assert said == ["twice there: 03/anger/03a01Wa"]


def test_other_files_are_passed_over(folder: Path) -> None:
    (folder / "readme.txt").write_text("hello")
    shutil.copy(folder / "03a01Wa.wav", folder / "noise.wav")
    shutil.copy(folder / "03a01Wa.wav", folder / "03a01Xa.wav")
    assert len(corpora.whole(tiny.CORPUS, folder.parent)) == 18


def test_casia_is_speaker_emotion_number(tmp_path: Path) -> None:
    path = tmp_path / "CASIA" / "liuchanhg" / "surprise" / "201.flac"
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "CASIA" / "liuchanhg" / "surprise" / "notes.flac").touch()
    assert corpora.find(CASIA, tmp_path) == [corpora.Utterance(path, "liuchanhg", "surprise")]


def test_the_root_is_the_variable_or_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path))
    assert corpora.corpora_root() == tmp_path
    monkeypatch.setenv("AFFECTD_CORPORA", "")
    assert corpora.corpora_root() == Path("corpora")


def test_pcm_is_read_as_it_stands(tmp_path: Path) -> None:
    pcm = np.array([0, 1, -32768, 32767], np.int16)
    soundfile.write(tmp_path / "a.flac", pcm, 16000)
    np.testing.assert_array_equal(corpora.read_pcm(tmp_path / "a.flac", 16000), pcm)


def test_sound_of_another_kind_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.zeros((10, 2)), 16000)
    soundfile.write(tmp_path / "fast.wav", np.zeros(10), 44100)
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(LabError, match=r"stereo\.wav: want mono at 16000 Hz, got 2 channels"):
        corpora.read_pcm(tmp_path / "stereo.wav", 16000)
    with pytest.raises(LabError, match=r"fast\.wav: want mono at 16000 Hz, got 1 channels at 44100 Hz"):
        corpora.read_pcm(tmp_path / "fast.wav", 16000)
    with pytest.raises(LabError, match=r"text\.wav: cannot be read"):
        corpora.read_pcm(tmp_path / "text.wav", 16000)


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_the_copy_at_hand_is_whole(corpus: corpora.Corpus) -> None:
    root = corpora.corpora_root()
    if not (root / corpus.folder).is_dir():
        pytest.skip(f"{corpus.name} is not at hand: AFFECTD_CORPORA names no folder that holds {corpus.folder}/")
    utterances = corpora.whole(corpus, root)
    assert len(utterances) == sum(corpus.n_by_label.values())
    assert len(corpora.read_pcm(utterances[0].path, 16000)) > 8000


def test_only_a_corpus_that_permits_it_may_ship() -> None:
    assert EMODB.may_ship
    assert EMODB.weights_licence == "Apache-2.0"
    assert not CASIA.may_ship
