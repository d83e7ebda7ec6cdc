"""Fitting AffectNet's branches, each alone, to one training part: seeded, resumable after a kill, with progress and an ETA."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterable, Sequence, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from dsp.running_functionals import n_functionals
from models.adaptation import Heard
from models.lab.affectnet import heard
from models.lab.affectnet.batches import FunctionalsBatch, LogMelBatch, functionals_batches, log_mel_batches
from models.lab.affectnet.voices import Learnt, Voices
from models.lab.checkpoint import History, history_of, identity, load, resume, save
from models.lab.errors import LabError
from models.lab.fit import CHECKPOINT_EVERY_EPOCHS, DEVICE, Fitted, say_progress
from models.lab.optimise import Optimiser, label_weights
from models.lab.recipe import Recipe
from models.lab.versions import versions
from models.networks import affectnet
from models.networks.affectnet import AffectNet, LogMelBranch

_LOG_MEL, _FUNCTIONALS = ".log-mel.pt", ".functionals.pt"

_Batch = TypeVar("_Batch", LogMelBatch, FunctionalsBatch)


def fit(
    recipe: Recipe, part: Learnt, seed: int, checkpoint: Path, progress: str | None = None, begin: AffectNet | None = None
) -> Fitted[AffectNet]:
    """Both branches after their last epochs. Goes on from the files beside `checkpoint`, one a branch, if they are there.
    Else begins with the weights of `begin`, for the population of `part`, or with random ones.

    Raises LabError for a checkpoint of another recipe, seed or number of utterances.
    """
    clean = part.versions[0]
    torch.manual_seed(seed)
    network = AffectNet(clean.log_mel[0].shape[1], clean.functionals.shape[1], len(recipe.labels))
    if begin is not None:
        network.load_state_dict(begin.state_dict())
    _standardise_by(network, part.versions)
    network.to(DEVICE)
    history = _Training(recipe, part, seed, checkpoint.with_suffix(_LOG_MEL), progress).run(
        network.of_log_mel.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        lambda rng: log_mel_batches(part, recipe, rng),
        lambda batch: log_mel_logits(network.of_log_mel, batch),
    )
    of_table = dense(recipe)
    other = _Training(of_table, part, seed, checkpoint.with_suffix(_FUNCTIONALS), progress).run(
        network.of_functionals,
        lambda rng: functionals_batches(part, of_table, rng),
        lambda batch: network.of_functionals.of_each_head(_tensor(batch.functionals), as_heard(batch.heard)),
    )
    history.seconds += other.seconds
    return Fitted(network.eval().cpu(), history, versions())


def finished(recipe: Recipe, seed: int, n_utterances: int, checkpoint: Path) -> Fitted[AffectNet]:
    """What `fit` left beside `checkpoint` after its last epochs. Raises LabError where that is not there, or another's."""
    front_end = recipe.front_end
    network = AffectNet(front_end.n_mels, n_functionals(front_end), len(recipe.labels))
    histories, made_with = [], {}
    for branch, suffix, of_branch in (
        (network.of_log_mel, _LOG_MEL, recipe),
        (network.of_functionals, _FUNCTIONALS, dense(recipe)),
    ):
        path = checkpoint.with_suffix(suffix)
        saved = load(path, identity(of_branch, seed, n_utterances))
        if saved is None or not history_of(saved).is_over(of_branch):
            done = f"only {len(saved['losses'])} of {of_branch.epochs} epochs" if saved else "no checkpoint"
            raise LabError(f"{path}: {done}: run `affectd-lab train {recipe.name} --seed {seed}` first")
        branch.load_state_dict(saved["network"])
        histories.append(history_of(saved))
        made_with = saved["versions"]
    histories[0].seconds += histories[1].seconds
    return Fitted(network.eval(), histories[0], made_with)


def dense(recipe: Recipe) -> Recipe:
    """How the branch over functionals is trained."""
    return replace(recipe, epochs=80, batch=32, learning_rate=3e-3, weight_decay=0.05, bf16=False)


@dataclass(frozen=True)
class _Training:
    """One branch's."""

    recipe: Recipe
    part: Learnt
    seed: int
    checkpoint: Path
    progress: str | None

    def run(
        self,
        branch: nn.Module,
        batches: Callable[[np.random.Generator], Iterable[_Batch]],
        logits: Callable[[_Batch], Tensor],
    ) -> History:
        """Train to the last epoch; what is saved is gone on from."""
        recipe, n = self.recipe, len(self.part.truth)
        optimiser = Optimiser(branch, recipe, max(1, n // recipe.batch))
        made_for = identity(recipe, self.seed, n)
        history = resume(self.checkpoint, made_for, branch, optimiser)
        n_before, seconds_before, started = len(history.losses), history.seconds, time.perf_counter()
        weights = label_weights(self.part.truth, len(recipe.labels), recipe.label_weight).to(DEVICE)
        while not history.is_over(recipe):
            # every draw depends on seed and epoch alone, so that a resumed run draws the same
            epoch = len(history.losses)
            rng = np.random.default_rng([self.seed, epoch])
            torch.manual_seed(self.seed * 1_000_003 + epoch)
            branch.train()
            losses = []
            for batch in batches(rng):
                with torch.autocast(DEVICE.type, torch.bfloat16, enabled=recipe.bf16):
                    said = logits(batch)
                loss = batch_loss(said.float(), torch.from_numpy(batch.truth).to(DEVICE), weights, recipe.label_smoothing)
                optimiser.step(loss)
                losses.append(float(loss.detach()))
            history.losses.append(float(np.mean(losses)))
            history.seconds = seconds_before + time.perf_counter() - started
            if len(history.losses) % CHECKPOINT_EVERY_EPOCHS == 0 or history.is_over(recipe):
                save(self.checkpoint, made_for, branch, optimiser, history)
            if self.progress:
                epoch_s = (time.perf_counter() - started) / (len(history.losses) - n_before)
                say_progress(self.progress, history, recipe.epochs, epoch_s)
        branch.eval()
        return history


def batch_loss(logits: Tensor, truth: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Of logits (batch, n_labels), or (batch, n_heads, n_labels), where it is the mean of the heads' own."""
    rows = logits.flatten(0, -2)
    truth_of_rows = truth.repeat_interleave(len(rows) // len(truth))
    return nn.functional.cross_entropy(rows, truth_of_rows, weights, label_smoothing=smoothing)


def _standardise_by(network: AffectNet, voices: Sequence[Voices]) -> None:
    """The population: all frames; of the functionals every speaker counts alike."""
    frames = np.concatenate([each for version in voices for each in version.log_mel])
    branch = network.of_log_mel
    branch.centre.copy_(torch.from_numpy(frames.mean(axis=0, dtype=np.float64)))
    branch.scale.copy_(torch.from_numpy(frames.std(axis=0, dtype=np.float64)))
    rows = np.concatenate([version.functionals for version in voices]).astype(np.float64)
    speakers = np.array([speaker for version in voices for speaker in version.speakers])
    table = network.of_functionals
    table.centre.copy_(torch.from_numpy(np.mean([rows[speakers == each].mean(axis=0) for each in np.unique(speakers)], axis=0)))
    deviation = rows.std(axis=0)
    table.scale.copy_(torch.from_numpy(np.where(deviation > 0, deviation, 1.0)))


def log_mel_logits(branch: LogMelBranch, batch: LogMelBatch) -> Tensor:
    """(batch, n_labels) after each example's last frame."""
    known = as_heard(batch.heard)
    said: Tensor = branch(
        _tensor(batch.log_mel), known, branch.begin(len(batch.truth)), _tensor(batch.shown), _tensor(batch.n_frames)
    )[0]
    return said


def as_heard(seats: Sequence[Heard]) -> affectnet.Heard:
    """Of a batch."""
    return affectnet.Heard(*map(_tensor, heard.stacked(seats)))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(DEVICE)
