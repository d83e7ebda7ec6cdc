"""A training's state on disk: what a killed run goes on from, and what a finished one is exported from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.lab.errors import LabError
from models.lab.optimise import Optimiser
from models.lab.recipe import Recipe
from models.lab.versions import versions


@dataclass
class History:
    """How far a training has come."""

    losses: list[float] = field(default_factory=list)
    """Mean of each epoch on the training part."""
    validation_losses: list[float] = field(default_factory=list)
    """After each epoch on the validation part, if there is one."""
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights of the epoch with the least validation loss."""
    seconds: float = 0.0
    """Spent in training, pauses left out."""

    def is_over(self, recipe: Recipe) -> bool:
        """Whether the last epoch is done, or the validation loss has not fallen for `patience` epochs."""
        waited = len(self.validation_losses) - 1 - self.best_epoch if self.validation_losses else 0
        return len(self.losses) >= recipe.epochs or 0 < recipe.patience <= waited

    @property
    def best_epoch(self) -> int:
        """The epoch with the least validation loss, the first of several."""
        return min(range(len(self.validation_losses)), key=self.validation_losses.__getitem__)


def identity(recipe: Recipe, seed: int, n_utterances: int) -> str:
    """What a checkpoint belongs to."""
    values = {**recipe.as_dict(), "source": "", "seed": seed, "n_utterances": n_utterances}
    if not recipe.begins_as:  # checkpoints are older than the field
        del values["begins_as"]
    return json.dumps(values, sort_keys=True)


def load(path: Path, made_for: str) -> dict[str, Any] | None:
    """What was saved there, None if nothing was. Raises LabError for a checkpoint of something else."""
    if not path.is_file():
        return None
    saved: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    if saved["made_for"] != made_for:
        raise LabError(f"{path}: is of another recipe, seed or corpus: delete it to train anew")
    return saved


def resume(path: Path, made_for: str, network: nn.Module, optimiser: Optimiser) -> History:
    """Put network and optimiser back to where they were. Raises LabError for a checkpoint of something else."""
    saved = load(path, made_for)
    if saved is None:
        return History()
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    return history_of(saved)


def history_of(saved: dict[str, Any]) -> History:
    """The history in a saved checkpoint."""
    return History(**{name: saved[name] for name in History.__dataclass_fields__})


def save(path: Path, made_for: str, network: nn.Module, optimiser: Optimiser, history: History) -> None:
    """Write all of it, whole or not at all. Raises LabError where that cannot be done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    states = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
    try:
        torch.save({**states, **vars(history), "made_for": made_for, "versions": versions()}, partial)
        os.replace(partial, path)
    except (OSError, RuntimeError) as trouble:  # torch reports a full disk as a RuntimeError
        partial.unlink(missing_ok=True)
        raise LabError(f"{path}: the checkpoint cannot be written ({str(trouble).splitlines()[0]})") from trouble
