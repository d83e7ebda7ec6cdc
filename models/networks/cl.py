"""CL: a CNN over the spectrogram beside an LSTM over the MFCC (paper 1, H. Wang, table 1).

| layer | kernel | stride | output for a window of 128 frames |
|---|---|---|---|
| convolution, ReLU, max-pool 2x2 | 3x3 | 1 | (32, 64, 64) |
| convolution, ReLU, max-pool 2x2 | 3x3 | 1 | (64, 32, 32) |
| convolution, ReLU, max-pool 2x2 | 3x3 | 1 | (64, 16, 16) |
| beside them: LSTM, 2 layers of 128 units | | | (128, 128) |
| each branch flattened, Min-Max normalised, concatenated | | | 32,768 |
| dense, ReLU | | | 128 |
| dense, ReLU | | | 64 |
| dense (softmax outside) | | | labels |

The paper also "normalises" its inputs without saying how. Here each window's spectrogram is standardised as a whole
and each MFCC over the window's time: a gain, and for the MFCC a fixed colour of the microphone, cancel out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-5


class CL(nn.Module):
    """Inputs spectrogram (batch, window_frames, n_bands) and mfcc (batch, window_frames, n_mfcc), logits (batch, n_labels)."""

    inputs: tuple[str, ...] = ("spectrogram", "mfcc")

    def __init__(self, window_frames: int, n_bands: int, n_mfcc: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*_block(1, 32), *_block(32, 64), *_block(64, 64))
        self.lstm = nn.LSTM(n_mfcc, 128, num_layers=2, batch_first=True, dropout=dropout)
        n_spatial = 64 * (window_frames // 8) * (n_bands // 8)
        self.head = nn.Sequential(
            nn.Linear(n_spatial + 128 * window_frames, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(64, n_labels),
        )

    def forward(self, spectrogram: Tensor, mfcc: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        image = standardise(spectrogram, dims=(1, 2)).unsqueeze(1)
        spatial = self.convolutions(image).flatten(1).float()
        temporal = self.lstm(standardise(mfcc, dims=(1,)))[0].flatten(1).float()
        logits: Tensor = self.head(torch.cat([min_max(spatial), min_max(temporal)], dim=1))
        return logits


def _block(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    # the pool before the ReLU: the same values from a quarter of the comparisons
    return nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.MaxPool2d(2), nn.ReLU()


def standardise(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Mean 0 and deviation 1 over `dims` of each example."""
    centred = values - values.mean(dim=dims, keepdim=True)
    return centred / (centred.square().mean(dim=dims, keepdim=True) + EPSILON).sqrt()


def min_max(features: Tensor) -> Tensor:
    """(batch, n) to the range 0..1 of each example (Min-Max normalisation)."""
    low = features.amin(dim=1, keepdim=True)
    high = features.amax(dim=1, keepdim=True)
    return (features - low) / (high - low + EPSILON)
