"""Fitting one network to one training part: seeded, resumable after a kill, with progress and an ETA."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.window import tile, utterance_windows
from models.lab.errors import LabError
from models.lab.recipe import Recipe
from models.lab.versions import versions
from models.networks.cl import CL

CHECKPOINT_EVERY_EPOCHS = 10


def build(recipe: Recipe) -> nn.Module:
    """The recipe's network with fresh weights."""
    front_end = recipe.front_end
    networks = {"cl": CL}
    network = networks[recipe.network](
        recipe.window_frames, front_end.n_bands, front_end.n_mfcc, len(recipe.labels), recipe.dropout
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def as_inputs(windows: NDArray[np.float32], network: nn.Module, recipe: Recipe) -> list[Tensor]:
    """(batch, window_frames, n_features) -> one tensor for each of the network's inputs."""
    tensor = torch.from_numpy(windows)
    return [tensor[:, :, recipe.front_end.columns(kind)].contiguous() for kind in network.inputs]  # type: ignore[union-attr]


@dataclass(frozen=True)
class Fitted:
    """A network after its last epoch."""

    network: nn.Module
    loss: float
    """Mean of the last epoch."""
    seconds: float
    """Spent in training, pauses left out."""
    versions: Mapping[str, str]
    """What it was trained with."""

    @property
    def n_parameters(self) -> int:
        """How many numbers were trained."""
        return sum(values.numel() for values in self.network.parameters())


def fit(
    recipe: Recipe,
    frames: Sequence[NDArray[np.float32]],
    truth: NDArray[np.int64],
    seed: int,
    checkpoint: Path,
    progress: str | None = None,
) -> Fitted:
    """The network after the recipe's last epoch: no epoch is ever picked.

    `frames`: one (n_frames, n_features) an utterance; `truth`: (n_utterances,) classes. Goes on from `checkpoint` if that
    is there, and ends where an uninterrupted run would have ended; the last epoch is saved there too. `progress`: what to
    call the run on stderr. Raises LabError for a checkpoint of another recipe, seed or number of utterances.
    """
    torch.manual_seed(seed)
    network = build(recipe)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    made_for = _identity(recipe, seed, len(frames))
    first_epoch, loss, seconds_before = _resume(checkpoint, made_for, network, optimiser)
    network.train()
    started = time.perf_counter()
    for epoch in range(first_epoch, recipe.epochs):
        loss = _epoch(recipe, network, optimiser, frames, truth, seed, epoch)
        seconds = time.perf_counter() - started
        if (epoch + 1) % CHECKPOINT_EVERY_EPOCHS == 0 or epoch + 1 == recipe.epochs:
            _save(checkpoint, made_for, network, optimiser, epoch + 1, loss, seconds_before + seconds)
        if progress:
            left_s = seconds / (epoch + 1 - first_epoch) * (recipe.epochs - epoch - 1)
            _say(f"{progress}: epoch {epoch + 1}/{recipe.epochs}, loss {loss:.3f}, {left_s:.0f} s left ")
    return Fitted(network.eval(), loss, seconds_before + time.perf_counter() - started, versions())


def _say(line: str) -> None:
    print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _epoch(
    recipe: Recipe,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    frames: Sequence[NDArray[np.float32]],
    truth: NDArray[np.int64],
    seed: int,
    epoch: int,
) -> float:
    # every draw depends on seed and epoch alone, so that a resumed run draws the same
    rng = np.random.default_rng([seed, epoch])
    torch.manual_seed(seed * 1_000_003 + epoch)
    order = rng.permutation(len(frames))
    total = 0.0
    for at in range(0, len(order), recipe.batch):
        chosen = order[at : at + recipe.batch]
        windows = np.stack([_random_window(frames[i], recipe.window_frames, rng) for i in chosen])
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
            logits = network(*as_inputs(windows, network, recipe))
        loss = nn.functional.cross_entropy(logits.float(), torch.from_numpy(truth[chosen]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += float(loss.detach()) * len(chosen)
    return total / len(order)


def _random_window(frames: NDArray[np.float32], window_frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    if len(frames) <= window_frames:
        return tile(frames, window_frames)
    start = int(rng.integers(len(frames) - window_frames + 1))
    return frames[start : start + window_frames]


def probabilities(network: nn.Module, recipe: Recipe, frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_labels,) of one utterance: the mean over its windows, as the service takes it."""
    windows = utterance_windows(frames, recipe.front_end, recipe.window_frames, recipe.stride_frames)
    with torch.no_grad():
        logits = network(*as_inputs(windows, network, recipe))
    return np.asarray(torch.softmax(logits.double(), dim=1).mean(dim=0).numpy())


def finished(recipe: Recipe, seed: int, n_utterances: int, checkpoint: Path) -> Fitted:
    """What `fit` left at `checkpoint` after its last epoch. Raises LabError when that is not there, or of something else."""
    saved = _load(checkpoint, _identity(recipe, seed, n_utterances))
    if saved is None or saved["epochs"] < recipe.epochs:
        done = f"only {saved['epochs']} of {recipe.epochs} epochs" if saved else "no checkpoint"
        raise LabError(f"{checkpoint}: {done}: run `affectd-lab train {recipe.name} --seed {seed}` first")
    network = build(recipe)
    network.load_state_dict(saved["network"])
    return Fitted(network.eval(), saved["loss"], saved["seconds"], saved["versions"])


def _identity(recipe: Recipe, seed: int, n_utterances: int) -> str:
    values = {**recipe.as_dict(), "source": "", "seed": seed, "n_utterances": n_utterances}
    return json.dumps(values, sort_keys=True)


def _load(checkpoint: Path, made_for: str) -> dict[str, Any] | None:
    if not checkpoint.is_file():
        return None
    saved: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    if saved["made_for"] != made_for:
        raise LabError(f"{checkpoint}: is of another recipe, seed or corpus: delete it to train anew")
    return saved


def _resume(checkpoint: Path, made_for: str, network: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, float, float]:
    """Epochs done, the last one's loss, seconds spent."""
    saved = _load(checkpoint, made_for)
    if saved is None:
        return 0, math.nan, 0.0
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    return saved["epochs"], saved["loss"], saved["seconds"]


def _save(
    checkpoint: Path,
    made_for: str,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    epochs: int,
    loss: float,
    seconds: float,
) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    states = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
    facts = {"made_for": made_for, "epochs": epochs, "loss": loss, "seconds": seconds, "versions": versions()}
    torch.save({**states, **facts}, partial)
    os.replace(partial, checkpoint)
