"""A corpus is found, counted, opened, read, and refused when it is not whole."""

from __future__ import annotations

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.lab import corpora
from models.lab.corpora import CASIA, CORPORA, CREMAD, EMODB, NEMO, NEMO_7, RAVDESS, TESS, Corpus
from models.lab.errors import LabError
from tests.lab import tiny, trees

SOURCES: dict[str, Corpus | corpora.View] = {**CORPORA, **corpora.VIEWS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.write_corpus(tmp_path)


def said_of(folder: Path, corpus: Corpus = tiny.CORPUS) -> list[str]:
    return corpora.examine(corpus, folder.parent)[1]


def test_a_whole_corpus_has_no_complaints(folder: Path) -> None:
    utterances = corpora.whole(tiny.CORPUS, folder.parent)
    assert len(utterances) == 18
    assert utterances == sorted(utterances, key=lambda utterance: utterance.path)
    assert utterances[0].speaker == "03"
    assert {utterance.label for utterance in utterances} == {"anger", "neutral", "sadness"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(corpora.NotAtHand, match=f"TINY: no folder {tmp_path / 'TINY'}; set AFFECTD_CORPORA"):
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


def test_a_missing_speaker_of_the_known_is_named(folder: Path) -> None:
    known = replace(tiny.CORPUS, speakers=("03", "08", "09", "10"))
    assert said_of(folder, known) == ["speakers: missing 10"]


def test_speakers_of_no_concern_are_passed_over(folder: Path) -> None:
    two = replace(tiny.CORPUS, speakers=("03", "08"), n_speakers=2, n_by_label=dict.fromkeys(tiny.CORPUS.n_by_label, 4))
    assert {utterance.speaker for utterance in corpora.whole(two, folder.parent)} == {"03", "08"}


def test_surplus_files_are_counted_by_label(folder: Path) -> None:
    (folder / "03a01Wc.wav").write_bytes(trees.wav(1, rate_hz=16000))
    assert said_of(folder) == ["anger: surplus 1 of 6"]


def test_a_renamed_file_is_named(folder: Path) -> None:
    (folder / "03a01Wa.wav").rename(folder / "03a01Wa (1).wav")
    assert said_of(folder) == [
        "anger: missing 1 of 6",
        "not named as the corpus names its files: 03a01Wa (1).wav; if one of the missing, rename it",
    ]


def test_the_same_recording_in_two_formats_is_noticed(folder: Path) -> None:
    (folder / "copy").mkdir()
    shutil.copy(folder / "03a01Wa.wav", folder / "copy" / "03a01Wa.wav")
    (folder / "03a01Wb.wav").unlink()  # the count alone would look right
    assert said_of(folder) == ["twice there: 03/anger/03a01Wa"]


def test_other_files_are_passed_over(folder: Path) -> None:
    (folder / "readme.txt").write_text("hello")
    (folder / "._03a01Wa.wav").write_text("a note of macOS")
    shutil.copy(folder / "03a01Wa.wav", folder / "noise.wav")
    shutil.copy(folder / "03a01Wa.wav", folder / "03a01Xa.wav")
    assert len(corpora.whole(tiny.CORPUS, folder.parent)) == 18


def rewrite(path: Path, kind: str) -> None:
    """Spoil a file in one way."""
    content = path.read_bytes()
    spoilt = {
        "empty": b"",
        "no sound": b"<html>not found</html>",
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "cut": content[: len(content) // 2],
        "short": trees.wav(1, n_samples=500, rate_hz=16000),
        "fast": trees.wav(1, n_samples=50000, rate_hz=48000),
    }
    path.write_bytes(spoilt[kind])


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("empty", "TINY/08a01Na.wav: empty, 0 bytes: copy it again"),
        ("no sound", "TINY/08a01Na.wav: cannot be read as sound: copy it again"),
        ("lfs", "TINY/08a01Na.wav: a pointer of git lfs, no sound: run `git lfs pull`"),
        ("cut", "TINY/08a01Na.wav: its end is missing: copy it again"),
        ("short", "TINY/08a01Na.wav: shorter than 0.05 s: cut perhaps, copy it again"),
        ("fast", "TINY/08a01Na.wav: at 48000 Hz, the others at 16000 Hz: take all from one copy of the corpus"),
    ],
)
def test_a_spoilt_file_is_named_with_what_to_do(folder: Path, kind: str, says: str) -> None:
    assert said_of(folder) == []
    rewrite(folder / "08a01Na.wav", kind)
    assert said_of(folder) == [says]
    with pytest.raises(LabError, match=r"is not whole: TINY/08a01Na\.wav"):
        corpora.whole(tiny.CORPUS, folder.parent)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_a_cut_file_is_noticed_in_every_format(folder: Path, suffix: str) -> None:
    path = (folder / "08a01Na.wav").with_suffix(f".{suffix}")
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    soundfile.write(
        path, noise, 16000, format="OGG" if suffix == "opus" else None, subtype="OPUS" if suffix == "opus" else None
    )
    (folder / "08a01Na.wav").unlink()
    assert said_of(folder) == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    (said,) = said_of(folder)
    assert said.startswith(f"TINY/08a01Na.{suffix}: ")
    assert said.endswith(": copy it again")


def test_a_file_that_may_not_be_read_is_named(folder: Path) -> None:
    path = folder / "08a01Na.wav"
    path.unlink()
    os.symlink(folder / "nowhere", path)
    assert said_of(folder) == ["TINY/08a01Na.wav: cannot be read (No such file or directory): copy it again"]


def test_many_spoilt_files_are_one_line(folder: Path) -> None:
    for path in folder.glob("*.wav"):
        rewrite(path, "empty")
    (said,) = said_of(folder)
    assert said.endswith("TINY/03a01Wa.wav and 13 more: empty, 0 bytes: copy it again")


def test_a_rate_that_is_known_to_be_odd_is_allowed(folder: Path) -> None:
    rewrite(folder / "08a01Na.wav", "fast")
    assert said_of(folder, replace(tiny.CORPUS, odd_rates_hz={"08a01Na": 48000})) == []
    assert len(said_of(folder, replace(tiny.CORPUS, odd_rates_hz={"08a01Na": 96000}))) == 1


def test_stereo_is_allowed_where_it_is_known(folder: Path) -> None:
    soundfile.write(folder / "08a01Na.wav", np.random.default_rng(0).uniform(-0.1, 0.1, (8000, 2)), 16000)
    assert said_of(folder) == ["TINY/08a01Na.wav: 2 channels instead of one: copy it again"]
    assert said_of(folder, replace(tiny.CORPUS, some_in_stereo=True)) == []


def test_the_same_sound_under_two_names_is_noticed(folder: Path) -> None:
    shutil.copy(folder / "03a01Wa.wav", folder / "08a01Na.wav")
    says = "TINY/03a01Wa.wav, TINY/08a01Na.wav: the same sound under different names: copy the wrong one again"
    assert said_of(folder) == [says]
    assert said_of(folder, replace(tiny.CORPUS, copies={"08a01Na": "03a01Wa"})) == []


@pytest.mark.parametrize(("form", "subtype"), [("OGG", "OPUS"), ("OGG", "VORBIS"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")])
def test_the_same_sound_is_noticed_under_other_tags(folder: Path, form: str, subtype: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    for name in ("03a01Wa", "08a01Na"):
        (folder / f"{name}.wav").unlink()
        with soundfile.SoundFile(folder / f"{name}.{form.lower()}", "w", 16000, 1, subtype, format=form) as file:
            file.comment = name
            file.write(noise)
    contents = {(folder / f"{name}.{form.lower()}").read_bytes() for name in ("03a01Wa", "08a01Na")}
    assert len(contents) == 2
    (said,) = said_of(folder)
    assert "the same sound under different names" in said


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


def require_at_hand(source: Corpus | corpora.View) -> Path:
    root = corpora.corpora_root()
    parts = [source] if isinstance(source, Corpus) else [part.corpus for part in source.parts]
    for corpus in parts:
        if not (root / corpus.folder).is_dir():
            pytest.skip(f"{corpus.name} is not at hand: AFFECTD_CORPORA names no folder that holds {corpus.folder}/")
    return root


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_the_copy_at_hand_is_whole(source: Corpus | corpora.View) -> None:
    root = require_at_hand(source)
    if source is NEMO and "speakers: missing MK0, TP0" in corpora.examine(NEMO, root)[1]:
        pytest.skip("this copy of nEMO lacks MK0 and TP0, without whom it is nEMO-7")
    utterances = corpora.whole(source, root)
    assert len(utterances) == sum(source.n_by_label.values())
    assert len({utterance.speaker for utterance in utterances}) == source.n_speakers
    assert len(corpora.read_pcm(utterances[0].path, 16000)) > 8000


@pytest.mark.parametrize("corpus", [EMODB, CASIA, RAVDESS, TESS, NEMO_7], ids=lambda corpus: corpus.name)
def test_the_copy_at_hand_is_as_its_listing_says(corpus: Corpus) -> None:
    root = require_at_hand(corpus)
    if not (root / "manifest.csv").is_file():
        pytest.skip("no manifest.csv beside the corpora")
    with (root / "manifest.csv").open(newline="") as file:
        listed = {row["path"]: row for row in csv.DictReader(file) if row["corpus"] == corpus.folder}
    found = {u.path.relative_to(root).as_posix(): u for u in corpora.find(corpus, root)}
    assert found.keys() == listed.keys()
    for path, utterance in found.items():
        row = listed[path]
        assert (utterance.speaker, utterance.label) == (row["speaker"], row["emotion"])
        # CASIA's folds there are its speakers
        assert utterance.fold == ("" if corpus is CASIA or not row["emobox_fold"] else f"emobox-{row['emobox_fold']}")
        assert utterance.same_as == Path(row["duplicate_of"]).stem


def test_ravdess_known_copy_is_one() -> None:
    root = require_at_hand(RAVDESS)
    (copy,) = [utterance for utterance in corpora.find(RAVDESS, root) if utterance.same_as]
    original = copy.path.with_name(copy.path.name.replace(copy.path.stem, copy.same_as))
    np.testing.assert_array_equal(corpora.read_pcm(copy.path, 16000), corpora.read_pcm(original, 16000))
    (said,) = corpora.faults(replace(RAVDESS, copies={}), corpora.find(RAVDESS, root))
    assert "the same sound under different names" in said


def test_only_a_corpus_that_permits_it_may_ship() -> None:
    ships = {name: source.weights_licence for name, source in SOURCES.items() if source.may_ship}
    share_alike = dict.fromkeys(["RAVDESS", "nEMO", "nEMO-7", "RAVDESS-7", "EMO-DB+RAVDESS+nEMO-7"], "CC BY-NC-SA 4.0")
    assert ships == {"EMO-DB": "Apache-2.0", **share_alike}
    for source in (CASIA, TESS, CREMAD, corpora.TESS_RAVDESS):
        assert source.weights_licence == "none: not to be given away"
