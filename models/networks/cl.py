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

from models.networks.network import Network

EPSILON = 1e-5
N_UNITS = 128
"""Of each LSTM layer."""


class TwoBranches(Network):
    """The layers above, whatever each branch is given: CL, and the control groups beside it."""

    def __init__(self, window_frames: int, n_into_cnn: int, n_into_lstm: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = convolutions()
        self.lstm = lstm(n_into_lstm, dropout)
        self.head = head(n_spatial(window_frames, n_into_cnn) + N_UNITS * window_frames, n_labels, dropout)

    def spatial(self, image: Tensor) -> Tensor:
        """What the CNN makes of (batch, window_frames, n_into_cnn): (batch, n)."""
        return spatial_features(self.convolutions, image)

    def temporal(self, sequence: Tensor) -> Tensor:
        """What the LSTM makes of (batch, window_frames, n_into_lstm): (batch, 128 window_frames)."""
        return temporal_features(self.lstm, sequence)

    def fuse(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        """Logits from both branches, each Min-Max normalised."""
        logits: Tensor = self.head(torch.cat([min_max(spatial), min_max(temporal)], dim=1))
        return logits


class CL(TwoBranches):
    """Inputs spectrogram (batch, window_frames, n_bands) and mfcc (batch, window_frames, n_mfcc), logits (batch, n_labels)."""

    inputs = ("spectrogram", "mfcc")

    def __init__(self, window_frames: int, n_bands: int, n_mfcc: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__(window_frames, n_bands, n_mfcc, n_labels, dropout)

    def forward(self, spectrogram: Tensor, mfcc: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        return self.fuse(self.spatial(standardise_spectrogram(spectrogram)), self.temporal(standardise_mfcc(mfcc)))


def convolutions() -> nn.Sequential:
    """The three convolutions: (batch, 1, height, width) -> (batch, 64, height // 8, width // 8)."""
    return nn.Sequential(*_block(1, 32), *_block(32, 64), *_block(64, 64))


def _block(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    # the pool before the ReLU: the same values from a quarter of the comparisons
    return nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.MaxPool2d(2), nn.ReLU()


def n_spatial(window_frames: int, n_columns: int) -> int:
    """Values that the convolutions make of one window."""
    return 64 * (window_frames // 8) * (n_columns // 8)


def lstm(n_columns: int, dropout: float) -> nn.LSTM:
    """The two LSTM layers over (batch, window_frames, n_columns)."""
    return nn.LSTM(n_columns, N_UNITS, num_layers=2, batch_first=True, dropout=dropout)


def head(n_features: int, n_labels: int, dropout: float) -> nn.Sequential:
    """The dense layers: (batch, n_features) -> (batch, n_labels)."""
    return nn.Sequential(
        nn.Linear(n_features, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(64, n_labels),
    )


def spatial_features(layers: nn.Sequential, image: Tensor) -> Tensor:
    """(batch, window_frames, n_columns) through `convolutions`, flattened."""
    features: Tensor = layers(image.unsqueeze(1))
    return features.flatten(1).float()


def temporal_features(layers: nn.LSTM, sequence: Tensor) -> Tensor:
    """(batch, window_frames, n_columns) through `lstm`, every step's output, flattened."""
    features: Tensor = layers(sequence)[0]
    return features.flatten(1).float()


def standardise_spectrogram(spectrogram: Tensor) -> Tensor:
    """Each window as a whole."""
    return standardise(spectrogram, dims=(1, 2))


def standardise_mfcc(mfcc: Tensor) -> Tensor:
    """Each coefficient over the window's time."""
    return standardise(mfcc, dims=(1,))


def standardise(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Mean 0 and deviation 1 over `dims` of each example."""
    centred = values - values.mean(dim=dims, keepdim=True)
    return centred / (centred.square().mean(dim=dims, keepdim=True) + EPSILON).sqrt()


def min_max(features: Tensor) -> Tensor:
    """(batch, n) to the range 0..1 of each example (Min-Max normalisation)."""
    low = features.amin(dim=1, keepdim=True)
    high = features.amax(dim=1, keepdim=True)
    return (features - low) / (high - low + EPSILON)
