"""What moves the weights: optimiser, learning-rate schedule, loss."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.lab.recipe import Recipe

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda parameters, recipe: torch.optim.Adam(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    ),
    "adamw": lambda parameters, recipe: torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    ),
    "sgd": lambda parameters, recipe: torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
    ),
}

ONE_CYCLE_WARM_UP = 0.25
"""Share of the steps in which the rate rises (L. Smith, 2018)."""


class Optimiser:
    """A recipe's optimiser with its schedule: one step a batch."""

    def __init__(self, network: nn.Module, recipe: Recipe, steps_an_epoch: int) -> None:
        self._parameters = [values for values in network.parameters() if values.requires_grad]
        self._clip_norm = recipe.clip_norm
        self._optimiser = OPTIMISERS[recipe.optimiser](self._parameters, recipe)
        self._schedule: torch.optim.lr_scheduler.LRScheduler | None = None
        if recipe.schedule == "one_cycle":
            self._schedule = torch.optim.lr_scheduler.OneCycleLR(
                self._optimiser,
                recipe.learning_rate,
                total_steps=steps_an_epoch * recipe.epochs,
                pct_start=ONE_CYCLE_WARM_UP,
                cycle_momentum=False,
            )

    def step(self, loss: Tensor) -> None:
        """Move the weights against the loss's gradient."""
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._optimiser.step()
        if self._schedule is not None:
            self._schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        schedule = self._schedule.state_dict() if self._schedule is not None else {}
        return {"optimiser": self._optimiser.state_dict(), "schedule": schedule}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The reverse of `state_dict`."""
        self._optimiser.load_state_dict(state["optimiser"])
        if self._schedule is not None:
            self._schedule.load_state_dict(state["schedule"])


def label_weights(truth: NDArray[np.int64], n_labels: int, exponent: float) -> Tensor:
    """(n_labels,) weights (n / (n_labels n_of_label))^exponent: 0 weighs all utterances alike, 1 all labels."""
    counts = np.maximum(np.bincount(truth, minlength=n_labels), 1)
    return torch.from_numpy((len(truth) / (n_labels * counts)) ** exponent).float()
