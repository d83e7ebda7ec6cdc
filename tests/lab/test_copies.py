"""A copy is the same each time, kept until its makers change, and on its original's side of the split unless it may leak."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.lab import copies, evaluate, material, papers, recipe, results, splits
from models.lab.cabin_noise import TRAINING_KINDS
from models.lab.corpora import Utterance, find
from models.lab.errors import LabError
from models.lab.feature_cache import FeatureCache
from models.lab.material import gather, prepare
from models.lab.noise import FOLDER
from models.lab.recipe import CABIN, COPIES, SMALL_CHANGES, Recipe
from models.lab.train import parts, train, trained
from tests.lab import tiny
from tests.lab.test_classical import RECIPE

COPIED = replace(RECIPE, name="tiny-copies", copies=SMALL_CHANGES)
LEAKY = replace(COPIED, name="tiny-leaky", copies_before_split=True)
NETWORK = replace(COPIED, network="features_cnn", window_frames=16, stride_frames=8, epochs=2, batch=16, learning_rate=1e-3)


@pytest.fixture
def utterances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Utterance]:
    tiny.write_corpus(tmp_path / "corpora")
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    monkeypatch.setenv("AFFECTD_CACHE", str(tmp_path / "cache"))
    return find(tiny.CORPUS, tmp_path / "corpora")


def one_result(tmp_path: Path, chosen: Recipe) -> results.Result:
    (result,) = evaluate.evaluate(chosen, splits.PAPER, [0], 0, tmp_path / "results", tmp_path / "build")
    return result


def test_a_recipe_names_all_copies_there_are() -> None:
    assert set(copies._CHANGES) == set(COPIES)


@pytest.mark.parametrize("copy", SMALL_CHANGES)
def test_a_copy_is_another_and_the_same_each_time(copy: str) -> None:
    samples = np.random.default_rng(0).normal(0.0, 0.1, 8000).astype(np.float32)
    made = copies.copied(samples, copy, 16000)
    assert made.dtype == np.float32
    assert not np.array_equal(made, samples)
    np.testing.assert_array_equal(copies.copied(samples.copy(), copy, 16000), made)
    # what is drawn follows from the recording
    other = copies.copied(samples[::-1].copy(), copy, 16000)[::-1]
    assert other.shape != made.shape or not np.allclose(other, made, atol=1e-4)


def test_copies_in_a_cabin_hear_each_another_noise_and_change_with_its_recordings(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    noise = tmp_path / "corpora" / FOLDER
    noise.mkdir()
    rng = np.random.default_rng(0)
    for kind in (kind for kind in TRAINING_KINDS if kind.startswith(f"{FOLDER}/")):
        soundfile.write(noise / f"{kind[len(FOLDER) + 1 :]}.wav", 0.1 * rng.standard_normal(16000), 16000)
    cache = FeatureCache(tmp_path / "own")
    chosen = replace(COPIED, copies=CABIN)
    made = [copies.frames_of(utterances[0], copy, chosen, cache) for copy in CABIN]
    assert {each.shape for each in made} == {copies.frames_of(utterances[0], "", chosen, cache).shape}
    assert not any(np.array_equal(one, other) for i, one in enumerate(made) for other in made[:i])
    copies.frames_of(utterances[0], CABIN[0], chosen, cache)
    assert (cache.n_computed, cache.n_found) == (5, 1)
    soundfile.write(noise / "typing.wav", 0.1 * rng.standard_normal(16000), 16000)
    copies.noise_sum.cache_clear()
    copies.frames_of(utterances[0], CABIN[0], chosen, cache)
    assert cache.n_computed == 6
    copies.noise_sum.cache_clear()


def test_the_original_is_left_as_it_is() -> None:
    samples = np.ones(100, np.float32)
    assert copies.copied(samples, copies.ORIGINAL, 16000) is samples


def test_features_are_kept_until_what_makes_them_changes(
    utterances: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FeatureCache(tmp_path / "own")
    made = [copies.frames_of(utterances[0], copy, COPIED, cache) for copy in ("", *SMALL_CHANGES)]
    again = [copies.frames_of(utterances[0], copy, COPIED, cache) for copy in ("", *SMALL_CHANGES)]
    assert (cache.n_computed, cache.n_found) == (5, 5)
    for one, other in zip(made, again):
        np.testing.assert_array_equal(one, other)
    changed = replace(COPIED, trim_db=20.0), replace(COPIED, front_end=replace(COPIED.front_end, n_mels=21))
    for n, other_recipe in enumerate(changed, start=6):
        copies.frames_of(utterances[0], "noise", other_recipe, cache)
        assert cache.n_computed == n
    monkeypatch.setattr(copies, "sources_sum", lambda: "other sources")
    copies.frames_of(utterances[0], "noise", COPIED, cache)
    assert cache.n_computed == 8


def test_copies_follow_their_original_and_are_never_tested_on(utterances: list[Utterance], tmp_path: Path) -> None:
    held = gather(COPIED, utterances)
    (fold,) = splits.folds(splits.PAPER, held.utterances, 0)
    frames, truth = held.learnt_from(fold.train)
    assert len(frames) == len(truth) == 5 * len(fold.train)
    learnt_from = {id(each) for each in frames}
    tested_on, _ = held.judged_by(fold.test)
    of_the_tested = [each for i in fold.test for each in (held.frames[i], *held.copies[i])]
    assert not learnt_from & {id(each) for each in [*tested_on, *of_the_tested]}
    np.testing.assert_array_equal(truth[::5], held.truth[fold.train])
    np.testing.assert_array_equal(truth[::5], truth[4::5])
    result = one_result(tmp_path, COPIED)
    assert (result.n_train, result.n_test, result.leaky) == (60, 6, False)


def test_before_the_split_copies_are_dealt_like_recordings(utterances: list[Utterance], tmp_path: Path) -> None:
    held = gather(LEAKY, utterances)
    assert len(held.utterances) == len(held.frames) == 5 * len(utterances)
    (fold,) = splits.folds(splits.PAPER, held.utterances, 0)
    paths = np.array([each.path for each in held.utterances])
    assert set(paths[fold.train]) & set(paths[fold.test]), "nothing leaks: the row would show nothing"
    split_first = gather(COPIED, utterances)
    for i in range(len(utterances)):
        for k, frames in enumerate((split_first.frames[i], *split_first.copies[i])):
            np.testing.assert_array_equal(held.frames[5 * i + k], frames)
    result = one_result(tmp_path, LEAKY)
    assert (result.n_train, result.n_test, result.leaky) == (72, 18, True)
    path = tmp_path / "results" / "tiny-leaky" / "paper-seed0-80-20.json"
    assert json.loads(path.read_text())["leaky"] is True


def test_the_leak_is_no_matter_of_speakers(utterances: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(LabError, match="tiny-leaky: what its copies leak is seen by the protocol paper"):
        evaluate.evaluate(LEAKY, splits.SPEAKER_INDEPENDENT, [0], 0, tmp_path / "results", tmp_path / "build")


def test_a_network_learns_from_copies_too(utterances: list[Utterance], tmp_path: Path) -> None:
    result = one_result(tmp_path, NETWORK)
    assert (result.n_train, result.n_test) == (60, 6)
    assert result.training_loss is not None


@pytest.mark.parametrize("patience", [0, 1])
def test_training_ends_where_export_looks_for_it(utterances: list[Utterance], tmp_path: Path, patience: int) -> None:
    patient = replace(NETWORK, patience=patience)
    train(patient, 0, tmp_path / "build")
    assert trained(patient, 0, tmp_path / "build").n_parameters > 0


def test_nothing_is_stopped_by_a_copy(utterances: list[Utterance]) -> None:
    held = gather(NETWORK, utterances)
    everybody = splits.Fold("whole", np.arange(18), np.empty(0, np.int64))
    learnt_from, judged_by = parts(replace(NETWORK, patience=1), held, everybody, 0)
    assert judged_by is not None
    assert (len(learnt_from.frames), len(judged_by.frames)) == (5 * 12, 6)
    originals = {id(each) for each in held.frames}
    assert all(id(each) in originals for each in judged_by.frames)


def test_workers_leave_nothing_to_compute(utterances: list[Utterance], monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(COPIED, utterances, 2)

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(copies, "feature_frames", never)
    assert len(gather(COPIED, utterances).frames) == 18


def test_a_plain_network_keeps_nothing(utterances: list[Utterance], tmp_path: Path) -> None:
    prepare(tiny.RECIPE, utterances, 1)
    assert gather(tiny.RECIPE, utterances).copies == [()] * 18
    assert not (tmp_path / "cache").exists()


def test_what_takes_long_says_how_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(material._with_progress(range(3), 3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(material, "WORTH_A_WORD_S", -1.0)
    assert list(material._with_progress(range(4), 4)) == [0, 1, 2, 3]
    assert capsys.readouterr().err.startswith("features: 25 %, about 0 s left\nfeatures: 50 %")


@pytest.mark.parametrize("name", [row.recipe + end for row in papers.ROWS if row.paper == 5 for end in ("", recipe.LEAKY)])
def test_paper_5_has_each_row_twice(name: str) -> None:
    loaded = recipe.load(name)
    twin = recipe.load(name[: -len(recipe.LEAKY)] if name.endswith(recipe.LEAKY) else name + recipe.LEAKY)
    assert loaded.copies == twin.copies == SMALL_CHANGES
    assert loaded.front_end == twin.front_end
    assert loaded.copies_before_split != twin.copies_before_split
    assert sum(loaded.corpus.n_by_label.values()) == 1440
