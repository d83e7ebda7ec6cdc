"""A network over a table, given windows of frames: the table's row is made inside, so that an exported file needs no other."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from models.networks.network import Network


class OfFrames(Network):
    """Inputs one (batch, window_frames, width) a kind; logits (batch, n_labels) of `network`, which takes a row.

    A row holds the chosen statistics of each kind over the window's time, kind by kind, standardised by what
    `standardise_by` was shown: the training part, and nothing else.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, network: Network, kinds: Sequence[str], n_features: int, statistics: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.inputs = tuple(kinds)
        self.statistics = tuple(statistics)
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def rows(self, frames: Sequence[Tensor]) -> Tensor:
        """(batch, n_features) statistics, not yet standardised."""
        columns: list[Tensor] = []
        for values in frames:
            mean = values.mean(dim=1)
            if "mean" in self.statistics:
                columns.append(mean)
            if "deviation" in self.statistics:
                columns.append((values - mean.unsqueeze(1)).square().mean(dim=1).sqrt())
        return torch.cat(columns, dim=1)

    def standardise_by(self, frames: Sequence[Tensor]) -> None:
        """Take mean and deviation of each feature from these windows; a constant one is only centred."""
        rows = self.rows(frames).double()
        deviation = rows.std(dim=0, unbiased=False)
        self.centre.copy_(rows.mean(dim=0))
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))

    def forward(self, *frames: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        logits: Tensor = self.network((self.rows(frames) - self.centre) / self.scale)
        return logits
