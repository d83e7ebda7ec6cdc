"""The spectrogram image of paper 2, made inside the network, so that the exported file runs on what the front end gives.

The paper's listing, step by step in MATLAB's own arithmetic:

| step | here |
|---|---|
| 20 log10 of the magnitude | the front end's power_db: 10 log10 of the power |
| scaled to 0..255 from its least to its greatest value | the same over the window |
| ind2rgb(round(...), jet(256)) | three piecewise-linear functions of the level, not rounded |
| imresize to 224 x 224 | the same bicubic with antialiasing, as two matrix products |
| imwrite as 8-bit PNG | clipped to 0..255, not rounded |

0 Hz is the top row, time runs to the right, the colours are red, green, blue.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIDE_PIXELS = 224
LEAST_RANGE_DB = 1e-3
"""Between a window's least and greatest value: digital silence stays one colour."""
JET_CENTRES = (192.0, 128.0, 64.0)
"""Levels at which red, green and blue shine most; each is full within 32 levels and gone beyond 96."""


class JetImage(nn.Module):
    """(batch, window_frames, n_bins) power in dB -> (batch, 3, 224, 224) in 0..255."""

    rows: Tensor
    columns: Tensor
    centres: Tensor

    def __init__(self, window_frames: int, n_bins: int) -> None:
        super().__init__()
        # not in the state: they follow from the sizes
        self.register_buffer("rows", resize_matrix(n_bins, SIDE_PIXELS), persistent=False)
        self.register_buffer("columns", resize_matrix(window_frames, SIDE_PIXELS).T.contiguous(), persistent=False)
        self.register_buffer("centres", torch.tensor(JET_CENTRES).view(3, 1, 1), persistent=False)

    def forward(self, power_db: Tensor) -> Tensor:
        """The images; shapes as above."""
        with torch.autocast(power_db.device.type, enabled=False):
            levels = to_levels(power_db.float()).transpose(1, 2)
            # jet, the first level twice: MATLAB counts colours from 1 and takes 0 for 1
            distance = (levels.clamp(min=1.0).unsqueeze(1) - self.centres).abs()
            colours = (1.5 - distance / 64).clamp(0.0, 1.0)
            resized = self.rows @ colours @ self.columns
        return 255 * resized.clamp(0.0, 1.0)


def to_levels(power_db: Tensor) -> Tensor:
    """(batch, window_frames, n_bins) scaled to 0..255 of each window."""
    low = power_db.amin(dim=(1, 2), keepdim=True)
    high = power_db.amax(dim=(1, 2), keepdim=True)
    return (power_db - low) / (high - low).clamp(min=LEAST_RANGE_DB) * 255


def resize_matrix(n_in: int, n_out: int) -> Tensor:
    """(n_out, n_in): one axis of MATLAB's imresize: bicubic (Keys 1981, a = -0.5), wider to shrink, borders mirrored."""
    scale = n_out / n_in
    squeeze = min(scale, 1.0)
    width = 4 / squeeze
    centre = (torch.arange(n_out, dtype=torch.float64) + 0.5) / scale - 0.5
    taps = (centre - width / 2).floor().long().unsqueeze(1) + torch.arange(math.ceil(width) + 2)
    weights = _cubic(squeeze * (centre.unsqueeze(1) - taps))
    weights = weights / weights.sum(dim=1, keepdim=True)
    mirrored = torch.cat([torch.arange(n_in), torch.arange(n_in).flip(0)])[taps % (2 * n_in)]
    return torch.zeros(n_out, n_in, dtype=torch.float64).scatter_add_(1, mirrored, weights).float()


def _cubic(x: Tensor) -> Tensor:
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))
