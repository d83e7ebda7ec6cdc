"""2D CNN-LSTM and BiLSTM, time-distributed: a CNN on 18 pieces of the log-mel, an LSTM over the pieces (paper 3, D. Dey).

The paper prints the summary of the BiLSTM: 372,423 parameters, 371,399 of them trainable. For (128, 219):

| layer | kernel | stride | output | parameters |
|---|---|---|---|---|
| 18 pieces of 128 mel bands x 5 frames | | | (18, 1, 128, 5) | |
| convolution, ELU | 2x2 | 1 | (18, 128, 127, 4) | 640 |
| batch norm | | | | 512 |
| max-pool | 2x2 | 2 | (18, 128, 63, 2) | |
| convolution, ELU | 2x2 | 1 | (18, 128, 62, 1) | 65,664 |
| batch norm | | | | 512 |
| max-pool | 2x1 | 2x1 | (18, 128, 31, 1) | |
| convolution, ELU | 2x1 | 1 | (18, 128, 30, 1) | 32,896 |
| batch norm | | | | 512 |
| max-pool | 2x1 | 2x1 | (18, 128, 15, 1) | |
| convolution, ELU | 2x1 | 1 | (18, 128, 14, 1) | 32,896 |
| batch norm | | | | 512 |
| max-pool | 2x1 | 2x1 | (18, 128, 7, 1) | |
| flatten | | | (18, 896) | |
| LSTM of 32 units both ways, its last states | | | 64 | 237,824 |
| dense (softmax outside) | | | labels | 455 for 7 |

Where the paper prints (18, 496) after the flattening, only 896 gives the LSTM's 237,824. 18 pieces of 5 do not fill 219
frames; with their starts 12 frames apart, the only whole hop that gives 18, they reach to frame 209: built so. The summary
has no row for an activation, though Keras gives each its own: the "LFLB similar to our mother research paper" can only have
had its ELU inside the convolution, before the batch norm. One way, the LSTM has 32 units as well: the paper says only that
the two networks are the same but for that. The input is not normalised: nothing says so. Batch norm and initialisation as
Keras has them (`as_keras.py`); the pieces of all clips of a batch share one mean and variance, as in TimeDistributed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.as_keras import KerasLSTM, batch_norm_2d, initialise
from models.networks.network import Network

N_PIECES = 18
PIECE_FRAMES = 5
N_CHANNELS = 128
N_UNITS = 32


class PiecesCNNLSTM2D(Network):
    """Input log_mel (batch, window_frames, n_mels), 22 frames and 31 mel bands at least; logits (batch, n_labels)."""

    inputs = ("log_mel",)
    bidirectional = False
    frames: Tensor

    def __init__(self, window_frames: int, n_mels: int, n_labels: int) -> None:
        super().__init__()
        if window_frames < PIECE_FRAMES + N_PIECES - 1 or _height(n_mels) < 1:
            raise ValueError(f"no {N_PIECES} pieces in {window_frames} frames of {n_mels} mel bands: want 22 and 31 at least")
        hop_frames = (window_frames - PIECE_FRAMES) // (N_PIECES - 1)
        starts = hop_frames * torch.arange(N_PIECES)
        frames = (starts.unsqueeze(1) + torch.arange(PIECE_FRAMES)).flatten()
        self.register_buffer("frames", frames, persistent=False)
        self.blocks = nn.Sequential(
            *_block(1, (2, 2), (2, 2)),
            *_block(N_CHANNELS, (2, 2), (2, 1)),
            *_block(N_CHANNELS, (2, 1), (2, 1)),
            *_block(N_CHANNELS, (2, 1), (2, 1)),
        )
        self.lstm = KerasLSTM(N_CHANNELS * _height(n_mels), N_UNITS, self.bidirectional)
        self.dense = nn.Linear(N_UNITS * (1 + self.bidirectional), n_labels)
        initialise(self)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        chosen = log_mel.index_select(1, self.frames)
        # every piece is an image of its own: (batch * 18, 1, n_mels, 5)
        pieces = chosen.reshape(-1, PIECE_FRAMES, log_mel.shape[2]).transpose(1, 2).unsqueeze(1)
        features: Tensor = self.blocks(pieces).flatten(1)
        logits: Tensor = self.dense(self.lstm.last(features.reshape(-1, N_PIECES, self.lstm.input_size)))
        return logits


class PiecesCNNBiLSTM2D(PiecesCNNLSTM2D):
    """The same with an LSTM both ways."""

    bidirectional = True


def _block(n_in: int, kernel: tuple[int, int], pool: tuple[int, int]) -> tuple[nn.Module, ...]:
    return nn.Conv2d(n_in, N_CHANNELS, kernel), nn.ELU(), batch_norm_2d(N_CHANNELS), nn.MaxPool2d(pool)


def _height(n_mels: int) -> int:
    # each of the four convolutions takes one row, each pool halves
    height = n_mels
    for _ in range(4):
        height = (height - 1) // 2
    return height
