"""1D CNN LSTM and BiLSTM over raw audio (paper 3, D. Dey and others, table 1, after Zhao, Mao and Chen 2019).

| layer | kernel | stride | output for L samples | for 3.5 s at 16 kHz |
|---|---|---|---|---|
| 1LFLB1: convolution, batch norm, ELU | 3 | 1 | (64, L) | (64, 56000) |
| max-pool | 4 | 4 | (64, L/4) | (64, 14000) |
| 1LFLB2: convolution, batch norm, ELU | 3 | 1 | (64, L/4) | (64, 14000) |
| max-pool | 4 | 4 | (64, L/16) | (64, 3500) |
| 1LFLB3: convolution, batch norm, ELU | 3 | 1 | (128, L/16) | (128, 3500) |
| max-pool | 4 | 4 | (128, L/64) | (128, 875) |
| 1LFLB4: convolution, batch norm, ELU | 3 | 1 | (128, L/64) | (128, 875) |
| max-pool | 4 | 4 | (128, L/256) | (128, 218) |
| LSTM, its last state | | | 256 | 256 |
| or both ways, "the only difference" | | | 512 | 512 |
| dense (softmax outside) | | | labels | labels |

Sizes are rounded down, convolutions padded. The samples come as frames side by side, hop = frame. The paper's text takes
3.5 s; its authors' notebook takes 1 s with 64 units each way: the text and its table hold, the window is the caller's.
Neither table nor text says how loud the audio is made; the notebook brings each recording to a root mean square of 1, and
here so is each window. Batch norm and initialisation as Keras has them (`as_keras.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import KerasLSTM, batch_norm_1d, initialise
from models.networks.network import Network

N_UNITS = 256
LEAST_POWER = 1e-10
"""Added to the mean square: digital silence stays silent."""


class CNNLSTM1D(Network):
    """Input samples (batch, window_frames, frame_samples), 256 samples in all at least; logits (batch, n_labels)."""

    inputs = ("samples",)
    bidirectional = False

    def __init__(self, window_frames: int, frame_samples: int, n_labels: int) -> None:
        super().__init__()
        if window_frames * frame_samples < 256:
            raise ValueError(f"four pools leave nothing of {window_frames * frame_samples} samples: want at least 256")
        self.blocks = nn.Sequential(*_block(1, 64), *_block(64, 64), *_block(64, 128), *_block(128, 128))
        self.lstm = KerasLSTM(128, N_UNITS, self.bidirectional)
        self.dense = nn.Linear(N_UNITS * (1 + self.bidirectional), n_labels)
        initialise(self)

    def forward(self, samples: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        audio = samples.flatten(1)
        level = (audio.square().mean(dim=1, keepdim=True) + LEAST_POWER).sqrt()
        features: Tensor = self.blocks((audio / level).unsqueeze(1))
        logits: Tensor = self.dense(self.lstm.last(features.transpose(1, 2)))
        return logits


class CNNBiLSTM1D(CNNLSTM1D):
    """The same with an LSTM both ways."""

    bidirectional = True


def _block(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    # the pool before the ELU, which keeps the order of values: the same result from a quarter of the exponentials
    return nn.Conv1d(n_in, n_out, kernel_size=3, padding=1), batch_norm_1d(n_out), nn.MaxPool1d(4), nn.ELU()
