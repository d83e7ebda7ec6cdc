"""A training can be killed and goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from models.lab import fit, recipe
from models.lab.errors import LabError
from tests.lab import tiny

RECIPE = tiny.RECIPE


def easy_part(n_utterances: int = 10) -> fit.Part:
    """Utterances of 10 to 28 frames; in each class other bands are loud."""
    rng = np.random.default_rng(0)
    truth = np.arange(n_utterances) % len(RECIPE.labels)
    frames = []
    for label in truth:
        values = rng.standard_normal((int(rng.integers(10, 28)), RECIPE.front_end.n_features)).astype(np.float32)
        values[:, 5 * label : 5 * label + 5] += 3.0
        frames.append(values)
    return fit.Part(frames, truth)


def weights(network: nn.Module) -> list[NDArray[np.float32]]:
    return [values.detach().numpy() for values in network.parameters()]


class Killed(BaseException):
    """What a SIGKILL does, as far as Python can do it."""


def test_resumed_is_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = easy_part()
    whole = fit.fit(RECIPE, part, 3, tmp_path / "whole.pt")
    monkeypatch.setattr(fit, "CHECKPOINT_EVERY_EPOCHS", 2)
    one_epoch = fit._epoch

    def killed_in_the_last(*arguments: object) -> float:
        if arguments[-1] == RECIPE.epochs - 1:
            raise Killed
        return one_epoch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "_epoch", killed_in_the_last)
    with pytest.raises(Killed):
        fit.fit(RECIPE, part, 3, tmp_path / "cut.pt")
    monkeypatch.setattr(fit, "_epoch", one_epoch)
    torch.rand(100)  # other draws in between do not matter
    resumed = fit.fit(RECIPE, part, 3, tmp_path / "cut.pt")
    for one, other in zip(weights(whole.network), weights(resumed.network)):
        np.testing.assert_array_equal(one, other)
    assert resumed.loss == whole.loss


def test_a_finished_training_is_not_trained_on(tmp_path: Path) -> None:
    part = easy_part()
    first = fit.fit(RECIPE, part, 0, tmp_path / "a.pt")
    again = fit.fit(RECIPE, part, 0, tmp_path / "a.pt")
    for one, other in zip(weights(first.network), weights(again.network)):
        np.testing.assert_array_equal(one, other)


def test_seeds_differ(tmp_path: Path) -> None:
    part = easy_part()
    one, other = (fit.fit(RECIPE, part, seed, tmp_path / f"{seed}.pt") for seed in (0, 1))
    assert not np.array_equal(weights(one.network)[0], weights(other.network)[0])


def test_it_learns(tmp_path: Path) -> None:
    part = easy_part()
    fitted = fit.fit(replace(RECIPE, epochs=30), part, 0, tmp_path / "a.pt")
    said = [fit.probabilities(fitted.network, RECIPE, each).argmax() for each in part.frames]
    assert said == list(part.truth)
    assert fitted.loss < 0.3
    assert fit.probabilities(fitted.network, RECIPE, part.frames[0]).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("change", [{"learning_rate": 2e-3}, {"epochs": 5}])
def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, change: dict[str, float]) -> None:
    part = easy_part()
    fit.fit(RECIPE, part, 0, tmp_path / "a.pt")
    with pytest.raises(LabError, match=r"a\.pt: is of another recipe, seed or corpus: delete it"):
        fit.fit(replace(RECIPE, **change), part, 0, tmp_path / "a.pt")  # type: ignore[arg-type]


def test_finished_wants_the_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = easy_part()
    with pytest.raises(LabError, match="no checkpoint: run `affectd-lab train tiny --seed 0` first"):
        fit.finished(RECIPE, 0, len(part.frames), tmp_path / "a.pt")
    fitted = fit.fit(RECIPE, part, 0, tmp_path / "a.pt")
    found = fit.finished(RECIPE, 0, len(part.frames), tmp_path / "a.pt")
    assert not found.network.training
    assert (found.loss, found.versions) == (fitted.loss, fitted.versions)
    saved = torch.load(tmp_path / "a.pt", weights_only=True)
    torch.save({**saved, "losses": saved["losses"][:2]}, tmp_path / "a.pt")
    with pytest.raises(LabError, match="only 2 of 4 epochs"):
        fit.finished(RECIPE, 0, len(part.frames), tmp_path / "a.pt")


def test_progress_is_said_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = easy_part()
    fit.fit(RECIPE, part, 0, tmp_path / "a.pt", progress="this run")
    said = capsys.readouterr()
    assert said.out == ""
    assert "this run: epoch 4/4, loss " in said.err


@pytest.mark.parametrize("name", [name for name in recipe.names() if recipe.load(name).has_windows])
def test_every_recipe_at_hand_builds_its_network(name: str) -> None:
    loaded = recipe.load(name)
    windows = np.random.default_rng(0).standard_normal((2, loaded.window_frames, loaded.front_end.n_features))
    network = fit.build(loaded).eval()
    with torch.no_grad():
        logits = network(*fit.as_inputs(windows.astype(np.float32), network, loaded))
    assert logits.shape == (2, len(loaded.labels))
    assert torch.isfinite(logits).all()


def test_a_network_that_such_frames_do_not_feed_is_refused() -> None:
    with pytest.raises(LabError, match="recipe tiny: this front end makes spectrogram, mfcc, not log_mel"):
        fit.build(replace(RECIPE, network="cnn_lstm_2d"))


@pytest.mark.parametrize(
    "change",
    [
        {"optimiser": "adamw", "weight_decay": 0.01, "schedule": "one_cycle", "clip_norm": 1.0},
        {"optimiser": "sgd", "momentum": 0.9, "learning_rate": 0.05, "label_smoothing": 0.1, "label_weight": 1.0},
        {"network": "features_cnn", "statistics": ("mean", "deviation"), "dropout": None},
    ],
    ids=["adamw, one cycle", "sgd, weighed labels", "a table"],
)
def test_other_ways_learn_and_go_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    part = easy_part()
    changed = replace(RECIPE, **{"epochs": 40, **change})
    whole = fit.fit(changed, part, 0, tmp_path / "whole.pt")
    said = [fit.probabilities(whole.network, changed, each).argmax() for each in part.frames]
    assert np.mean(said == part.truth) >= 0.8
    one_epoch = fit._epoch

    def killed_at_25(*arguments: object) -> float:
        if arguments[-1] == 25:
            raise Killed
        return one_epoch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "_epoch", killed_at_25)
    with pytest.raises(Killed):
        fit.fit(changed, part, 0, tmp_path / "cut.pt")
    monkeypatch.setattr(fit, "_epoch", one_epoch)
    resumed = fit.fit(changed, part, 0, tmp_path / "cut.pt")
    for one, other in zip(weights(whole.network), weights(resumed.network)):
        np.testing.assert_array_equal(one, other)


def test_a_validation_part_ends_the_training_and_picks_the_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = easy_part(20)
    learnt_from = fit.Part(part.frames[:14], part.truth[:14])
    # judged by wrong labels, it can only get worse
    judged_by = fit.Part(part.frames[14:], (part.truth[14:] + 1) % len(RECIPE.labels))
    patient = replace(RECIPE, epochs=60, patience=5)
    fitted = fit.fit(patient, learnt_from, 0, tmp_path / "a.pt", validation=judged_by)
    history = fitted.history
    assert len(history.losses) == len(history.validation_losses) == history.best_epoch + 1 + 5 < 60
    assert fit._loss(fitted.network, patient, judged_by) == pytest.approx(min(history.validation_losses), rel=1e-6)
    again = fit.fit(patient, learnt_from, 0, tmp_path / "a.pt", validation=judged_by)
    assert again.history.losses == history.losses
    found = fit.finished(patient, 0, 20, tmp_path / "a.pt")
    for one, other in zip(weights(fitted.network), weights(found.network)):
        np.testing.assert_array_equal(one, other)

    one_epoch = fit._epoch
    monkeypatch.setattr(fit, "CHECKPOINT_EVERY_EPOCHS", 3)

    def killed(*arguments: object) -> float:
        if arguments[-1] == history.best_epoch + 4:
            raise Killed
        return one_epoch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "_epoch", killed)
    with pytest.raises(Killed):
        fit.fit(patient, learnt_from, 0, tmp_path / "cut.pt", validation=judged_by)
    monkeypatch.setattr(fit, "_epoch", one_epoch)
    resumed = fit.fit(patient, learnt_from, 0, tmp_path / "cut.pt", validation=judged_by)
    assert resumed.history.validation_losses == history.validation_losses
    for one, other in zip(weights(fitted.network), weights(resumed.network)):
        np.testing.assert_array_equal(one, other)


def test_a_full_disk_leaves_no_half_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos\nframe #0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(LabError, match=r"a\.pt: the checkpoint cannot be written"):
        fit.fit(RECIPE, easy_part(), 0, tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []
