"""Fitting one network to one training part: seeded, resumable after a kill, with progress and an ETA."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Mapping, Sequence, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from dsp.errors import ParamError
from dsp.window import utterance_windows
from models.lab.augment import mixup
from models.lab.checkpoint import History, history_of, identity, load, resume, save
from models.lab.errors import LabError
from models.lab.optimise import Optimiser, label_weights
from models.lab.recipe import Recipe
from models.lab.versions import versions
from models.lab.windows import training_window
from models.networks import catalogue
from models.networks.network import Network
from models.networks.of_frames import OfFrames

CHECKPOINT_EVERY_EPOCHS = 10
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build(recipe: Recipe) -> Network:
    """The recipe's network with fresh weights. Raises LabError when it cannot be made of such windows."""
    try:
        network = _of_frames(recipe) if catalogue.takes_table(recipe.network) else _over_windows(recipe)
    except (ValueError, ParamError) as trouble:
        raise LabError(f"recipe {recipe.name}: {trouble}") from trouble
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _over_windows(recipe: Recipe) -> Network:
    inputs = catalogue.NETWORKS[recipe.network].inputs
    widths = [columns.stop - columns.start for columns in map(recipe.front_end.columns, inputs)]
    return catalogue.build(recipe.network, recipe.window_frames, widths, len(recipe.labels), recipe.dropout)


def _of_frames(recipe: Recipe) -> Network:
    n_features = recipe.front_end.n_features * len(recipe.statistics)
    network = catalogue.build(recipe.network, recipe.window_frames, [n_features], len(recipe.labels), recipe.dropout)
    return OfFrames(network, recipe.front_end.kinds, n_features, recipe.statistics)


def as_inputs(windows: NDArray[np.float32], network: Network, recipe: Recipe) -> list[Tensor]:
    """(batch, window_frames, n_features) -> one tensor for each of the network's inputs, where the network is."""
    tensor = torch.from_numpy(windows).to(next(network.parameters()).device)
    return [tensor[:, :, recipe.front_end.columns(kind)].contiguous() for kind in network.inputs]


_Net = TypeVar("_Net", bound=nn.Module)


@dataclass(frozen=True)
class Fitted(Generic[_Net]):
    """A network whose training is over."""

    network: _Net
    history: History
    versions: Mapping[str, str]
    """What it was trained with."""

    @property
    def loss(self) -> float:
        """Mean of the last epoch."""
        return self.history.losses[-1]

    @property
    def seconds(self) -> float:
        """Spent in training, pauses left out."""
        return self.history.seconds

    @property
    def n_parameters(self) -> int:
        """How many numbers were trained."""
        return sum(values.numel() for values in self.network.parameters() if values.requires_grad)


@dataclass(frozen=True)
class Part:
    """Utterances to learn from, or to be judged by."""

    frames: Sequence[NDArray[np.float32]]
    """One (n_frames, n_features) an utterance."""
    truth: NDArray[np.int64]
    """(n_utterances,) classes."""


def fit(
    recipe: Recipe,
    train: Part,
    seed: int,
    checkpoint: Path,
    progress: str | None = None,
    validation: Part | None = None,
) -> Fitted[Network]:
    """The network after the recipe's last epoch; none is picked, but by a validation part, if there is one.

    Goes on from `checkpoint` if that is there, and ends where an uninterrupted run would have ended; the last epoch is saved
    there too. `progress`: what to call the run on stderr. On CUDA where there is a card. Raises LabError for a checkpoint of
    another recipe, seed or number of utterances.
    """
    torch.manual_seed(seed)
    network = build(recipe).to(DEVICE)
    optimiser = Optimiser(network, recipe, -(-len(train.frames) // recipe.batch))
    made_for = identity(recipe, seed, len(train.frames) + (len(validation.frames) if validation else 0))
    history = resume(checkpoint, made_for, network, optimiser)
    if not history.losses and isinstance(network, OfFrames):
        shape = recipe.front_end, recipe.window_frames, recipe.stride_frames
        windows = np.concatenate([utterance_windows(each, *shape) for each in train.frames])
        network.standardise_by(as_inputs(windows, network, recipe))
    n_before, seconds_before, started = len(history.losses), history.seconds, time.perf_counter()
    while not history.is_over(recipe):
        history.losses.append(_epoch(recipe, network.train(), optimiser, train, seed, len(history.losses)))
        if validation is not None:
            history.validation_losses.append(_loss(network.eval(), recipe, validation))
            if history.best_epoch == len(history.losses) - 1:
                history.best = {name: values.clone() for name, values in network.state_dict().items()}
        n_done, seconds = len(history.losses), time.perf_counter() - started
        history.seconds = seconds_before + seconds
        if n_done % CHECKPOINT_EVERY_EPOCHS == 0 or history.is_over(recipe):
            save(checkpoint, made_for, network, optimiser, history)
        if progress:
            say_progress(progress, history, recipe.epochs, seconds / (n_done - n_before))
    return _fitted(network, history, versions())


def _fitted(network: Network, history: History, made_with: Mapping[str, str]) -> Fitted[Network]:
    if history.best:
        network.load_state_dict(history.best)
    return Fitted(network.eval().cpu(), history, made_with)


def say_progress(what: str, history: History, n_epochs: int, epoch_s: float) -> None:
    """One line on stderr, over the last where that is a terminal. `epoch_s`: what an epoch takes."""
    n_done = len(history.losses)
    left = f"{epoch_s * (n_epochs - n_done):.0f} s left "
    line = f"{what}: epoch {n_done}/{n_epochs}, loss {history.losses[-1]:.3f}, {left}"
    print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _epoch(recipe: Recipe, network: Network, optimiser: Optimiser, part: Part, seed: int, epoch: int) -> float:
    # every draw depends on seed and epoch alone, so that a resumed run draws the same
    rng = np.random.default_rng([seed, epoch])
    torch.manual_seed(seed * 1_000_003 + epoch)
    order = rng.permutation(len(part.frames))
    n_labels = len(recipe.labels)
    weights = label_weights(part.truth, n_labels, recipe.label_weight).to(DEVICE) if recipe.label_weight else None
    total = 0.0
    for chosen in _batches(order, recipe.batch, network):
        windows = np.stack([training_window(part.frames[i], recipe, rng) for i in chosen])
        targets = np.eye(n_labels, dtype=np.float32)[part.truth[chosen]]
        if recipe.augment.mixup:
            windows, targets = mixup(windows, targets, rng, recipe.augment.mixup)
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=recipe.bf16):
            logits = network(*as_inputs(windows, network, recipe))
        loss = nn.functional.cross_entropy(
            logits.float(), torch.from_numpy(targets).to(DEVICE), weights, label_smoothing=recipe.label_smoothing
        )
        optimiser.step(loss)
        total += float(loss.detach()) * len(chosen)
    return total / len(order)


def _batches(order: NDArray[np.int64], batch: int, network: Network) -> list[NDArray[np.int64]]:
    batches = [order[at : at + batch] for at in range(0, len(order), batch)]
    if len(batches) > 1 and len(batches[-1]) == 1 and any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        # one example has no variance to normalise by: it joins the batch before
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def _loss(network: Network, recipe: Recipe, part: Part) -> float:
    likely = [probabilities(network, recipe, frames)[truth] for frames, truth in zip(part.frames, part.truth)]
    return float(-np.log(np.maximum(likely, np.finfo(np.float64).tiny)).mean())


def probabilities(network: Network, recipe: Recipe, frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_labels,) of one utterance: the mean over its windows, as the service takes it."""
    windows = utterance_windows(frames, recipe.front_end, recipe.window_frames, recipe.stride_frames)
    with torch.no_grad():
        logits = network(*as_inputs(windows, network, recipe))
    return np.asarray(torch.softmax(logits.double(), dim=1).mean(dim=0).cpu().numpy())


def finished(recipe: Recipe, seed: int, n_utterances: int, checkpoint: Path) -> Fitted[Network]:
    """What `fit` left at `checkpoint` after its last epoch. Raises LabError when that is not there, or of something else."""
    saved = load(checkpoint, identity(recipe, seed, n_utterances))
    if saved is None or not history_of(saved).is_over(recipe):
        done = f"only {len(saved['losses'])} of {recipe.epochs} epochs" if saved else "no checkpoint"
        raise LabError(f"{checkpoint}: {done}: run `affectd-lab train {recipe.name} --seed {seed}` first")
    network = build(recipe)
    network.load_state_dict(saved["network"])
    return _fitted(network, history_of(saved), saved["versions"])
