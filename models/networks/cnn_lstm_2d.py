"""2D CNN LSTM over the log-mel of a whole clip (paper 3, D. Dey and others, table 2, after Zhao, Mao and Chen 2019).

| layer | kernel | stride | output for M = 128 mel bands, N frames |
|---|---|---|---|
| 2LFLB1: convolution, batch norm, ELU | 3x3 | 1 | (64, M, N) |
| max-pool | 2x2 | 2 | (64, M/2, N/2) |
| 2LFLB2: convolution, batch norm, ELU | 3x3 | 1 | (64, M/2, N/2) |
| max-pool | 4x4 | 4 | (64, M/8, N/8) |
| 2LFLB3: convolution, batch norm, ELU | 3x3 | 1 | (128, M/8, N/8) |
| max-pool | 4x4 | 4 | (128, M/32, N/32) |
| 2LFLB4: convolution, batch norm, ELU | 3x3 | 1 | (128, M/32, N/32) |
| max-pool | 4x4 | 4 | (128, M/128, N/128) |
| reshaped to a sequence of 128 features | | | (steps, 128) |
| LSTM, its last state | | | 256 |
| dense (softmax outside) | | | labels |

Sizes are rounded down. The paper's clip, 3.5 s in 219 frames (16 kHz, a hop of 256 samples), leaves M/128 = N/128 = 1: the
LSTM sees one step, and its recurrent kernel learns nothing; from 256 frames on there are more. The paper puzzles over
"128 features considered as a sequence"; the code that it names reshapes to steps of 128, and so does this. That code has
an LSTM of 32 units, the paper's table 256: the table holds. The input is not normalised: neither says so. Convolutions
are padded ("SAME"). Batch norm and initialisation as Keras has them (`as_keras.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import KerasLSTM, batch_norm_2d, initialise
from models.networks.network import Network

N_UNITS = 256


class CNNLSTM2D(Network):
    """Input log_mel (batch, window_frames, n_mels), 128 of each at least; logits (batch, n_labels)."""

    inputs = ("log_mel",)

    def __init__(self, window_frames: int, n_mels: int, n_labels: int) -> None:
        super().__init__()
        if min(window_frames, n_mels) < 128:
            raise ValueError(f"four pools leave nothing of {window_frames} frames of {n_mels} mel bands: want 128 of each")
        self.blocks = nn.Sequential(*_block(1, 64, 2), *_block(64, 64, 4), *_block(64, 128, 4), *_block(128, 128, 4))
        self.lstm = KerasLSTM(128, N_UNITS)
        self.dense = nn.Linear(N_UNITS, n_labels)
        initialise(self)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        features: Tensor = self.blocks(log_mel.transpose(1, 2).unsqueeze(1))
        logits: Tensor = self.dense(self.lstm.last(features.flatten(2).transpose(1, 2)))
        return logits


def _block(n_in: int, n_out: int, pool: int) -> tuple[nn.Module, ...]:
    # the pool before the ELU, which keeps the order of values: the same result from fewer exponentials
    return nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), batch_norm_2d(n_out), nn.MaxPool2d(pool), nn.ELU()
