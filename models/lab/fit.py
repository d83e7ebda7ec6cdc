"""Fitting one network to one training part: seeded, resumable after a kill, with progress and an ETA."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.window import tile, utterance_windows
from models.lab.recipe import Recipe
from models.networks.cl import CL

CHECKPOINT_EVERY_EPOCHS = 10


def build(recipe: Recipe) -> nn.Module:
    """The recipe's network with fresh weights."""
    front_end = recipe.front_end
    networks = {"cl": lambda: CL(recipe.window_frames, front_end.n_bands, front_end.n_mfcc, len(recipe.labels), recipe.dropout)}
    return networks[recipe.network]().to(memory_format=torch.channels_last)


def as_inputs(windows: NDArray[np.float32], network: nn.Module, recipe: Recipe) -> List[Tensor]:
    """(batch, window_frames, n_features) -> one tensor for each of the network's inputs."""
    tensor = torch.from_numpy(windows)
    return [tensor[:, :, recipe.front_end.columns(kind)].contiguous() for kind in network.inputs]  # type: ignore[union-attr]


def fit(
    recipe: Recipe,
    frames: Sequence[NDArray[np.float32]],
    truth: NDArray[np.int64],
    seed: int,
    checkpoint: Path,
    progress: Optional[str] = None,
) -> nn.Module:
    """The network after the recipe's last epoch: no epoch is ever picked.

    `frames`: one (n_frames, n_features) an utterance; `truth`: (n_utterances,) classes. Goes on from `checkpoint` if that
    is there, and ends where an uninterrupted run would have ended. `progress`: what to call the run on stderr.
    """
    torch.manual_seed(seed)
    network = build(recipe)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    first_epoch = _resume(checkpoint, network, optimiser)
    network.train()
    started = time.perf_counter()
    for epoch in range(first_epoch, recipe.epochs):
        loss = _epoch(recipe, network, optimiser, frames, truth, seed, epoch)
        if (epoch + 1) % CHECKPOINT_EVERY_EPOCHS == 0:
            _save(checkpoint, network, optimiser, epoch + 1)
        if progress:
            left_s = (time.perf_counter() - started) / (epoch + 1 - first_epoch) * (recipe.epochs - epoch - 1)
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{progress}: epoch {epoch + 1}/{recipe.epochs}, loss {loss:.3f}, {left_s:.0f} s left ", end=end, file=sys.stderr)
    return network.eval()


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


def _resume(checkpoint: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if not checkpoint.is_file():
        return 0
    saved: Dict[str, object] = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(saved["network"])  # type: ignore[arg-type]
    optimiser.load_state_dict(saved["optimiser"])  # type: ignore[arg-type]
    return int(saved["epochs"])  # type: ignore[call-overload, no-any-return]


def _save(checkpoint: Path, network: nn.Module, optimiser: torch.optim.Optimizer, epochs: int) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "epochs": epochs}, partial)
    os.replace(partial, checkpoint)
