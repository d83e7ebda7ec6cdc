"""What CL is measured against in paper 1: three control groups, and each branch alone (H. Wang, section 4 and abstract).

The layers are those of `cl.py`; what differs is what they are given, for a window of 128 frames:

| network | into the CNN | into the LSTM | CNN's output | concatenated |
|---|---|---|---|---|
| CL | spectrogram, 128 bands | 13 MFCC | (64, 16, 16) | 32,768 |
| control group 1 | spectrogram | spectrogram | (64, 16, 16) | 32,768 |
| control group 2 | MFCC | MFCC | (64, 16, 1) | 17,408 |
| control group 3 | MFCC | spectrogram | (64, 16, 1) | 17,408 |
| CNN alone | spectrogram | no LSTM | (64, 16, 16) | 16,384 |
| LSTM alone | no CNN | MFCC | | 16,384 |

The paper claims 6.88 and 7.20 % over "models relying solely on spatial or temporal features" and gives no table of
those. Here they are CL with one branch left out, the Min-Max normalisation and the dense layers kept. An input is
standardised in the way of its kind, as for CL, whichever branch it goes into.
"""

from __future__ import annotations

from torch import Tensor

from models.networks import cl
from models.networks.network import Network


class CLControl1(cl.TwoBranches):
    """Input spectrogram (batch, window_frames, n_bands) for both branches, logits (batch, n_labels)."""

    inputs = ("spectrogram",)

    def __init__(self, window_frames: int, n_bands: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__(window_frames, n_bands, n_bands, n_labels, dropout)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        standardised = cl.standardise_spectrogram(spectrogram)
        return self.fuse(self.spatial(standardised), self.temporal(standardised))


class CLControl2(cl.TwoBranches):
    """Input mfcc (batch, window_frames, n_mfcc) for both branches, logits (batch, n_labels); 8 MFCC at least."""

    inputs = ("mfcc",)

    def __init__(self, window_frames: int, n_mfcc: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__(window_frames, n_mfcc, n_mfcc, n_labels, dropout)

    def forward(self, mfcc: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        standardised = cl.standardise_mfcc(mfcc)
        return self.fuse(self.spatial(standardised), self.temporal(standardised))


class CLControl3(cl.TwoBranches):
    """CL's inputs, each into the other's branch; logits (batch, n_labels); 8 MFCC at least."""

    inputs = ("spectrogram", "mfcc")

    def __init__(self, window_frames: int, n_bands: int, n_mfcc: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__(window_frames, n_mfcc, n_bands, n_labels, dropout)

    def forward(self, spectrogram: Tensor, mfcc: Tensor) -> Tensor:
        """Logits of each window."""
        image, sequence = cl.standardise_mfcc(mfcc), cl.standardise_spectrogram(spectrogram)
        return self.fuse(self.spatial(image), self.temporal(sequence))


class CLWithoutLSTM(Network):
    """The CNN alone: input spectrogram (batch, window_frames, n_bands), logits (batch, n_labels)."""

    inputs = ("spectrogram",)

    def __init__(self, window_frames: int, n_bands: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.convolutions = cl.convolutions()
        self.head = cl.head(cl.n_spatial(window_frames, n_bands), n_labels, dropout)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        features = cl.spatial_features(self.convolutions, cl.standardise_spectrogram(spectrogram))
        logits: Tensor = self.head(cl.min_max(features))
        return logits


class CLWithoutCNN(Network):
    """The LSTM alone: input mfcc (batch, window_frames, n_mfcc), logits (batch, n_labels)."""

    inputs = ("mfcc",)

    def __init__(self, window_frames: int, n_mfcc: int, n_labels: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.lstm = cl.lstm(n_mfcc, dropout)
        self.head = cl.head(cl.N_UNITS * window_frames, n_labels, dropout)

    def forward(self, mfcc: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        features = cl.temporal_features(self.lstm, cl.standardise_mfcc(mfcc))
        logits: Tensor = self.head(cl.min_max(features))
        return logits
