"""A training can be killed and goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from models.lab import fit
from models.lab.errors import LabError
from models.lab.recipe import NETWORKS
from tests.lab import tiny

RECIPE = tiny.RECIPE


def easy_frames(n_utterances: int = 10) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """Utterances of 10 to 28 frames; in each class other bands are loud."""
    rng = np.random.default_rng(0)
    truth = np.arange(n_utterances) % len(RECIPE.labels)
    frames = []
    for label in truth:
        values = rng.standard_normal((int(rng.integers(10, 28)), RECIPE.front_end.n_features)).astype(np.float32)
        values[:, 5 * label : 5 * label + 5] += 3.0
        frames.append(values)
    return frames, truth


def weights(network: nn.Module) -> list[NDArray[np.float32]]:
    return [values.detach().numpy() for values in network.parameters()]


class Killed(BaseException):
    """What a SIGKILL does, as far as Python can do it."""


def test_resumed_is_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, truth = easy_frames()
    whole = fit.fit(RECIPE, frames, truth, 3, tmp_path / "whole.pt")
    monkeypatch.setattr(fit, "CHECKPOINT_EVERY_EPOCHS", 2)
    one_epoch = fit._epoch

    def killed_in_the_last(*arguments: object) -> float:
        if arguments[-1] == RECIPE.epochs - 1:
            raise Killed
        return one_epoch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "_epoch", killed_in_the_last)
    with pytest.raises(Killed):
        fit.fit(RECIPE, frames, truth, 3, tmp_path / "cut.pt")
    monkeypatch.setattr(fit, "_epoch", one_epoch)
    torch.rand(100)  # other draws in between do not matter
    resumed = fit.fit(RECIPE, frames, truth, 3, tmp_path / "cut.pt")
    for one, other in zip(weights(whole.network), weights(resumed.network)):
        np.testing.assert_array_equal(one, other)
    assert resumed.loss == whole.loss


def test_a_finished_training_is_not_trained_on(tmp_path: Path) -> None:
    frames, truth = easy_frames()
    first = fit.fit(RECIPE, frames, truth, 0, tmp_path / "a.pt")
    again = fit.fit(RECIPE, frames, truth, 0, tmp_path / "a.pt")
    for one, other in zip(weights(first.network), weights(again.network)):
        np.testing.assert_array_equal(one, other)


def test_seeds_differ(tmp_path: Path) -> None:
    frames, truth = easy_frames()
    one, other = (fit.fit(RECIPE, frames, truth, seed, tmp_path / f"{seed}.pt") for seed in (0, 1))
    assert not np.array_equal(weights(one.network)[0], weights(other.network)[0])


def test_it_learns(tmp_path: Path) -> None:
    frames, truth = easy_frames()
    fitted = fit.fit(replace(RECIPE, epochs=30), frames, truth, 0, tmp_path / "a.pt")
    said = [fit.probabilities(fitted.network, RECIPE, each).argmax() for each in frames]
    assert said == list(truth)
    assert fitted.loss < 0.3
    assert fit.probabilities(fitted.network, RECIPE, frames[0]).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("change", [{"learning_rate": 2e-3}, {"epochs": 5}])
def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, change: dict[str, float]) -> None:
    frames, truth = easy_frames()
    fit.fit(RECIPE, frames, truth, 0, tmp_path / "a.pt")
    with pytest.raises(LabError, match=r"a\.pt: is of another recipe, seed or corpus: delete it"):
        fit.fit(replace(RECIPE, **change), frames, truth, 0, tmp_path / "a.pt")  # type: ignore[arg-type]


def test_finished_wants_the_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, truth = easy_frames()
    with pytest.raises(LabError, match="no checkpoint: run `affectd-lab train tiny --seed 0` first"):
        fit.finished(RECIPE, 0, len(frames), tmp_path / "a.pt")
    fitted = fit.fit(RECIPE, frames, truth, 0, tmp_path / "a.pt")
    found = fit.finished(RECIPE, 0, len(frames), tmp_path / "a.pt")
    assert not found.network.training
    assert (found.loss, found.versions) == (fitted.loss, fitted.versions)
    saved = torch.load(tmp_path / "a.pt", weights_only=True)
    torch.save({**saved, "epochs": 2}, tmp_path / "a.pt")
    with pytest.raises(LabError, match="only 2 of 4 epochs"):
        fit.finished(RECIPE, 0, len(frames), tmp_path / "a.pt")


def test_progress_is_said_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, truth = easy_frames()
    fit.fit(RECIPE, frames, truth, 0, tmp_path / "a.pt", progress="this run")
    said = capsys.readouterr()
    assert said.out == ""
    assert "this run: epoch 4/4, loss " in said.err


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_that_a_recipe_may_name_is_built(name: str) -> None:
    assert fit.build(replace(RECIPE, network=name)).inputs
