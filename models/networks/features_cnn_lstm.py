"""The hybrid CNN-LSTM of paper 4's pseudocode, over the table of acoustic features (P. Rastogi, BuildCNNLSTMModel).

| layer | kernel | stride | output for n = 43 features |
|---|---|---|---|
| convolution, ReLU | 5 | 1 | (64, 39) |
| max-pool, batch norm | 2 | 2 | (64, 19) |
| convolution, ReLU | 5 | 1 | (128, 15) |
| max-pool, batch norm, dropout 0.3 | 2 | 2 | (128, 7) |
| convolution, ReLU | 3 | 1 | (256, 5) |
| max-pool, batch norm, dropout 0.3 | 2 | 2 | (256, 2) |
| LSTM, every step, dropout 0.4 | | | (2, 128) |
| LSTM, its last state, dropout 0.4 | | | 64 |
| dense, ReLU, batch norm, dropout 0.5 | | | 128 |
| dense, ReLU, dropout 0.3 | | | 64 |
| dense (softmax outside) | | | labels |

`input_shape` is left open. The pseudocode standardises with a StandardScaler, which takes one row per utterance: the input
is that row as a sequence of n steps of one value, and n the columns of its table 2, 43 with the sample rate. With the 30 of
its results the LSTM would see a single step. Convolutions are not padded, batch norm and initialisation are Keras'
(`as_keras.py`). The paper's own results come from the network of `features_dense.py`.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import KerasLSTM, batch_norm_1d, initialise
from models.networks.network import FEATURES, Network

LEAST_FEATURES = 28


class FeaturesCNNLSTM(Network):
    """Input features (batch, n_features), 28 at least; logits (batch, n_labels)."""

    inputs = (FEATURES,)

    def __init__(self, n_features: int, n_labels: int) -> None:
        super().__init__()
        if n_features < LEAST_FEATURES:
            raise ValueError(f"three pools leave nothing of {n_features} features: want at least {LEAST_FEATURES}")
        self.convolutions = nn.Sequential(
            *_block(1, 64, kernel=5),
            *_block(64, 128, kernel=5),
            nn.Dropout(0.3),
            *_block(128, 256, kernel=3),
            nn.Dropout(0.3),
        )
        self.lstm_1 = KerasLSTM(256, 128)
        self.dropout_1 = nn.Dropout(0.4)
        self.lstm_2 = KerasLSTM(128, 64)
        self.head = nn.Sequential(
            nn.Dropout(0.4),
            nn.Linear(64, 128),
            nn.ReLU(),
            batch_norm_1d(128),
            nn.Dropout(0.5),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(64, n_labels),
        )
        initialise(self)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of each utterance; shapes as above."""
        steps: Tensor = self.convolutions(features.unsqueeze(1)).transpose(1, 2)
        logits: Tensor = self.head(self.lstm_2.last(self.dropout_1(self.lstm_1(steps)[0])))
        return logits


def _block(n_in: int, n_out: int, kernel: int) -> tuple[nn.Module, ...]:
    # the pool before the ReLU: the same values from half the comparisons
    return nn.Conv1d(n_in, n_out, kernel), nn.MaxPool1d(2), nn.ReLU(), batch_norm_1d(n_out)
