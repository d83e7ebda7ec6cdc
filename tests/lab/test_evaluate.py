"""Every run of a protocol once, written down, and pooled."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.lab import corpora, metrics, results, splits
from models.lab import evaluate as lab
from models.lab.corpora import Utterance
from models.lab.errors import LabError
from models.lab.fit import Fitted
from models.lab.results import Result, Run
from models.lab.scored import Scored
from tests.lab import tiny
from tests.lab.small_disk import small_disk

RECIPE = tiny.RECIPE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.write_corpus(tmp_path / "corpora")
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    return tmp_path


def evaluated(folder: Path, protocol: str, recipe_epochs: int = 1, seeds: int = 1, n_workers: int = 0) -> list[Result]:
    recipe = replace(RECIPE, epochs=recipe_epochs)
    return lab.evaluate(recipe, protocol, range(seeds), n_workers, folder / "results", folder / "build")


def test_one_result_a_speaker_and_none_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(folder, splits.SPEAKER_INDEPENDENT)
    assert [result.fold for result in found] == ["03", "08", "09"]
    assert "3 of 3 runs done, about 0 s left" in capsys.readouterr().err
    assert results.pooled(found).sum() == 18
    assert not list(folder.glob("build/**/*.pt")), "a checkpoint is left behind"

    def never(*_: object) -> Fitted[Any]:
        raise AssertionError("a run was run again")

    monkeypatch.setattr("models.lab.fit.fit", never)
    assert evaluated(folder, splits.SPEAKER_INDEPENDENT) == found
    (folder / "results" / "tiny" / "speaker-independent-seed0-08.json").unlink()
    with pytest.raises(AssertionError, match="run again"):
        evaluated(folder, splits.SPEAKER_INDEPENDENT)


def test_a_result_holds_all_that_made_it(folder: Path) -> None:
    evaluated(folder, splits.PAPER)
    values = json.loads((folder / "results" / "tiny" / "paper-seed0-80-20.json").read_text())
    assert values["recipe"]["learning_rate"] == RECIPE.learning_rate
    assert values["recipe"]["front_end"]["n_bands"] == 16
    assert (values["corpus"], values["protocol"], values["seed"], values["fold"]) == ("TINY", "paper", 0, "80-20")
    assert sorted(values["versions"]) == ["affectd", "numpy", "python", "torch"]
    assert (values["n_train"], values["n_test"], values["epochs"]) == (12, 6, 1)
    assert values["n_parameters"] > 100_000
    matrix = np.array(values["confusion"])
    assert matrix.sum() == 6
    assert values["uar"] == metrics.uar(matrix)
    assert values["wa"] == metrics.wa(matrix)
    assert values["macro_f1"] == metrics.macro_f1(matrix)
    assert list(values["by_label"]) == values["labels"] == ["anger", "neutral", "sadness"]
    assert sorted(values["by_label"]["anger"]) == ["f1", "precision", "recall"]


def test_it_learns_the_easy_corpus(folder: Path) -> None:
    (result,) = evaluated(folder, splits.PAPER, recipe_epochs=30)
    assert metrics.uar(result.matrix) == 100.0


def test_a_changed_recipe_is_an_error_that_names_the_file(folder: Path) -> None:
    evaluated(folder, splits.PAPER)
    with pytest.raises(LabError, match=r"paper-seed0-80-20\.json: the recipe tiny has changed since \(epochs\): delete it"):
        evaluated(folder, splits.PAPER, recipe_epochs=2)


def test_what_the_recipe_says_of_itself_may_change(folder: Path) -> None:
    evaluated(folder, splits.PAPER)
    recipe = replace(RECIPE, epochs=1, source="other words")
    assert len(lab.evaluate(recipe, splits.PAPER, [0], 0, folder / "results", folder / "build")) == 1


def test_a_result_that_cannot_be_read_is_an_error_that_names_the_file(folder: Path) -> None:
    path = folder / "results" / "tiny" / "paper-seed0-80-20.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(LabError, match=r"paper-seed0-80-20\.json: is not the result of a run"):
        evaluated(folder, splits.PAPER)


def test_a_full_disk_loses_neither_training_nor_result(folder: Path) -> None:
    path = folder / "results" / "tiny" / "paper-seed0-80-20.json"
    evaluated(folder, splits.PAPER)
    (run,) = lab.runs(replace(RECIPE, epochs=1), splits.PAPER, [0], corpora.whole(RECIPE.corpus, folder / "corpora"))
    result = results.read(run, folder / "results")
    assert result is not None
    path.unlink()
    with pytest.raises(LabError) as refusal, small_disk():
        results.write(run, result, folder / "results")
    assert "paper-seed0-80-20.json: the result cannot be written (File too large); make room and run" in str(refusal.value)
    assert list(path.parent.iterdir()) == []


def test_workers_find_what_one_process_finds(folder: Path) -> None:
    alone = evaluated(folder / "alone", splits.PAPER)
    (beside,) = evaluated(folder, splits.PAPER, n_workers=1)
    assert beside.confusion == alone[0].confusion
    assert beside.training_loss == pytest.approx(alone[0].training_loss, rel=1e-4)


def test_a_corpus_that_is_not_whole_is_refused(folder: Path) -> None:
    next((folder / "corpora" / "TINY").iterdir()).unlink()
    with pytest.raises(LabError, match="is not whole"):
        evaluated(folder, splits.PAPER)


def test_speakers_on_both_sides_stop_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(protocol: str, utterances: list[Utterance], seed: int, share: object) -> list[splits.Fold]:
        return [splits.Fold("03", np.arange(10), np.arange(10, len(utterances)))]

    monkeypatch.setattr(splits, "folds", leaky)
    with pytest.raises(AssertionError, match="a speaker is on both sides"):
        lab.run_one(Run(RECIPE, splits.SPEAKER_INDEPENDENT, 0, "03"), folder / "results", folder / "build")


def result(seed: int, fold: str, confusion: list[list[int]]) -> Result:
    return Result(
        recipe={},
        corpus="TINY",
        protocol="paper",
        seed=seed,
        fold=fold,
        versions={},
        n_parameters=1,
        n_train=1,
        n_test=1,
        epochs=1,
        training_loss=0.0,
        seconds=0.0,
        labels=["a", "b"],
        confusion=confusion,
    )


def test_folds_are_pooled_within_a_seed_before_they_are_scored() -> None:
    scored = Scored("paper", [result(0, "x", [[1, 0], [0, 0]]), result(0, "y", [[0, 9], [0, 10]])])
    assert scored.by_seed("uar") == [pytest.approx(100 * (0.1 + 1.0) / 2)]  # a mean of folds would be 75
    assert scored.scores()["paper_wa"] == 55.0


def test_several_seeds_give_mean_and_sample_deviation() -> None:
    scored = Scored("paper", [result(seed, "x", [[seed, 4 - seed], [0, 4]]) for seed in (1, 2, 3)])
    assert scored.scores()["paper_wa_mean"] == 75.0
    assert scored.scores()["paper_wa_sd"] == 12.5


def test_workers_end_with_a_parent_that_is_killed() -> None:
    script = (
        "import os, time; from models.lab.evaluate import worker_pool; pool = worker_pool(1); "
        "print(pool.submit(os.getpid).result(), flush=True); pool.submit(time.sleep, 1000.0); time.sleep(1000.0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) != parent.pid
        parent.kill()
        # the pipe is the worker's, too: it ends when the worker has, in seconds, or this test by its own time limit
        assert parent.stdout.read() == ""
