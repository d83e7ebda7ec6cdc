"""AffectNet trained: seeded and resumable, judged under every condition, exported, and taken to another corpus."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.lab import checkpoint, corpora, evaluate, metrics, results, splits
from models.lab.affectnet import fit, heard, judge
from models.lab.affectnet.voices import Learnt, Voices, judged, learnt
from models.lab.answers import Answers
from models.lab.cross_corpus import crossed, for_the_card
from models.lab.errors import LabError
from models.lab.export import export
from models.lab.material import gather
from models.lab.recipe import Recipe
from models.lab.scored import Scored
from models.lab.train import beginning, train
from models.runtime import open_model
from tests.lab import tiny
from tests.lab.tiny_affectnet import RECIPE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.write_corpus(tmp_path / "corpora")
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    monkeypatch.setattr(fit, "dense", lambda recipe: replace(recipe, epochs=3, batch=6))
    return tmp_path


def part_of(folder: Path, recipe: Recipe = RECIPE) -> tuple[Learnt, Voices]:
    material = gather(recipe, corpora.whole(recipe.corpus, folder / "corpora"))
    everybody = np.arange(len(material.truth))
    return learnt(material, recipe, everybody), judged(material, recipe, everybody)


def test_resumed_is_uninterrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, voices = part_of(folder)
    whole = fit.fit(RECIPE, part, 3, folder / "whole.pt")

    class Killed(BaseException):
        pass

    def killed_at_the_last(*arguments: object) -> None:
        if list(folder.glob("cut.log-mel.pt")):
            raise Killed
        keep(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "CHECKPOINT_EVERY_EPOCHS", 2)
    keep = checkpoint.save
    monkeypatch.setattr(fit, "save", killed_at_the_last)
    with pytest.raises(Killed):
        fit.fit(RECIPE, part, 3, folder / "cut.pt")
    monkeypatch.setattr(fit, "save", keep)
    torch.rand(100)  # other draws in between do not matter
    resumed = fit.fit(RECIPE, part, 3, folder / "cut.pt")
    for one, other in zip(whole.network.state_dict().values(), resumed.network.state_dict().values()):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    said = [judge.probabilities(each.network, voices, heard.COLD) for each in (whole, resumed)]
    np.testing.assert_array_equal(said[0], said[1])
    np.testing.assert_allclose(said[0].sum(axis=1), 1.0)


def test_a_training_begins_with_what_another_corpus_has_taught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(RECIPE, name="other")
    monkeypatch.setattr("models.lab.train.load", lambda name: other)
    monkeypatch.setattr(corpora, "have_in_common", lambda one, another: False)
    train(other, 3, folder / "networks")
    recipe = replace(RECIPE, begins_as="other", epochs=1, learning_rate=1e-9)
    begin, (part, _) = beginning(recipe, 3, folder / "networks"), part_of(folder)
    assert begin is not None
    learnt_more, from_nothing = (fit.fit(recipe, part, 3, folder / f"{each is begin}.pt", None, each) for each in (begin, None))
    told, fresh, taught = (
        each.of_log_mel.lstm.state_dict()["weight_ih_l0"] for each in (learnt_more.network, from_nothing.network, begin)
    )
    torch.testing.assert_close(told, taught, rtol=0, atol=1e-6)
    assert (told - fresh).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("other", "seed", "why"),
    [
        (replace(RECIPE, name="other"), 0, "begins as other, which was trained on TINY, too"),
        (replace(RECIPE, name="other", trim_db=9.0), 0, "whose trim_db differs"),
        (replace(RECIPE, name="other", begins_as="third"), 0, "which begins as third"),
        (replace(RECIPE, name="other"), 4, "run `affectd-lab train other --seed 4` first"),
    ],
)
def test_a_beginning_that_leaks_differs_or_is_missing_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, other: Recipe, seed: int, why: str
) -> None:
    monkeypatch.setattr("models.lab.train.load", lambda name: other)
    if "too" not in why:
        monkeypatch.setattr(corpora, "have_in_common", lambda one, another: False)
    with pytest.raises(LabError, match=why):
        beginning(replace(RECIPE, begins_as="other"), seed, folder / "networks")


def test_it_learns_and_a_short_utterance_has_an_answer(folder: Path) -> None:
    part, voices = part_of(folder)
    fitted = fit.fit(replace(RECIPE, epochs=25), part, 0, folder / "a.pt")
    said = judge.probabilities(fitted.network, voices, heard.COLD).argmax(axis=1)
    assert metrics.uar(metrics.confusion(part.truth, said, 3)) > 90.0
    one = replace(voices, log_mel=[voices.log_mel[0][:2]], functionals=voices.functionals[:1])
    assert judge.of_one(fitted.network, one, 0, heard.in_test(voices, 0, heard.COLD, np.random.default_rng(0))).shape == (3,)


def test_a_result_has_every_condition_and_reads_as_it_was_written(folder: Path) -> None:
    recipe = replace(RECIPE, epochs=2)
    found = evaluate.evaluate(recipe, splits.SPEAKER_INDEPENDENT, [0], 0, folder / "results", folder / "build")
    assert [each.fold for each in found] == list(tiny.SPEAKERS)
    for each in found:
        assert set(each.conditions) == {condition.name for condition in heard.CONDITIONS} - {heard.COLD.name}
        for matrix in each.conditions.values():
            assert np.sum(matrix) == each.n_test
        for condition in heard.TOLD_IN_FULL:
            answers = Answers.read(each.answers[condition], n_labels=3)
            said = answers.log_probabilities.argmax(axis=1)
            truth = np.array([each.labels.index(label) for label in answers.truth])
            wanted = each.matrix if condition == heard.COLD.name else np.array(each.conditions[condition])
            np.testing.assert_array_equal(metrics.confusion(truth, said, 3), wanted)
            np.testing.assert_allclose(np.exp(answers.log_probabilities).sum(axis=1), 1.0, atol=2e-3)
            assert set(answers.speakers) == {each.fold}
    runs = evaluate.runs(recipe, splits.SPEAKER_INDEPENDENT, [0], corpora.whole(recipe.corpus, folder / "corpora"))
    assert [results.read(run, folder / "results") for run in runs] == found


def test_answers_that_were_not_written_so_are_refused() -> None:
    for lines in ([], ["03 a anger -1.0 -2.0"], ["03 a anger -1.0 -2.0 -3.0 -4.0"]):
        with pytest.raises(LabError, match="want a speaker, a file, a label and 3 log-probabilities"):
            Answers.read(lines, n_labels=3)


def test_what_is_exported_answers_in_pieces_as_torch_does_whole(folder: Path) -> None:
    recipe = replace(RECIPE, stride_frames=8)
    train(recipe, 0, folder / "build")
    scored = [
        Scored(
            splits.SPEAKER_INDEPENDENT,
            evaluate.evaluate(recipe, splits.SPEAKER_INDEPENDENT, [0], 0, folder / "results", folder / "build"),
        )
    ]
    found = export(recipe, 0, scored, folder / "build", None, folder / "artefacts")
    assert found.n_checked == 18
    assert found.largest_difference < 1e-5
    model = open_model(str(found.path))
    assert (model.contract.form, model.contract.window_frames, model.contract.stride_frames) == ("stream", 0, 8)
    assert model.contract.scores == scored[0].scores()
    card = found.path.with_suffix(".md").read_text()
    for needed in (
        found.sha256,
        "AffectNet: a causal CNN + LSTM over the log-mel",
        "## A seat that knows its speaker",
        "| 3 heard |",
        "| 10 calm heard |",
        "Tells from the utterance so far",
        "cut of at most 40 frames",
    ):
        assert needed in card


def test_an_unfinished_training_is_not_exported(folder: Path) -> None:
    with pytest.raises(LabError, match=r"seed7\.log-mel\.pt: no checkpoint: run `affectd-lab train tiny --seed 7` first"):
        export(RECIPE, 7, [], folder / "build", None, folder / "artefacts")


def test_another_corpus_is_judged_by_the_labels_that_both_have(folder: Path) -> None:
    other = replace(tiny.CORPUS, name="OTHER", folder="OTHER", n_by_label={"anger": 6, "neutral": 6}, parse=without_sadness)
    shutil.copytree(folder / "corpora" / "TINY", folder / "corpora" / "OTHER")
    recipe = replace(RECIPE, epochs=25)
    with pytest.raises(LabError, match=r"run `affectd-lab train tiny --seed 0` first"):
        crossed(recipe, 0, [other], folder / "build")
    train(recipe, 0, folder / "build")
    (found,) = crossed(recipe, 0, [other], folder / "build")
    assert (found.corpus, found.labels, found.n_speakers) == ("OTHER", ["anger", "neutral"], 3)
    for matrix in found.confusions.values():
        assert matrix.sum() == 12
        assert metrics.uar(matrix) > 80.0
    assert for_the_card(recipe, 0, [found]).rows[0][:5] == ("OTHER", "anger, neutral", "3", "12", "50.00")
    with pytest.raises(LabError, match="was trained on TINY: want another corpus"):
        crossed(recipe, 0, [tiny.CORPUS], folder / "build")
    with pytest.raises(LabError, match="only AffectNet"):
        crossed(tiny.RECIPE, 0, [other], folder / "build")


def without_sadness(path: Path) -> tuple[str, str] | None:
    parsed = tiny.CORPUS.parse(path)
    return None if parsed is None or parsed[1] == "sadness" else parsed
