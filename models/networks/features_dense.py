"""The dense network that gave paper 4 its results, over 30 acoustic features (P. Rastogi, figure 4).

| layer | output | parameters |
|---|---|---|
| dense, ReLU | 256 | 7,936 |
| batch norm, dropout 0.4 | 256 | 1,024 |
| dense, ReLU | 128 | 32,896 |
| batch norm, dropout 0.3 | 128 | 512 |
| dense, ReLU | 64 | 8,256 |
| dense (softmax outside) | labels | 390 for 6 |

51,014 parameters, 50,246 of them trainable, as the paper prints. It calls this its "hybrid CNN-LSTM", and gives the dropout
only as "0.3-0.5"; the two rates are those of its author's notebook, as are the ReLUs inside the dense layers, before the
batch norm. There the 30 features are the 17 of table 2 that are no MFCC, and the means of 13 MFCC. Batch norm and
initialisation as Keras has them (`as_keras.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import batch_norm_1d, initialise
from models.networks.network import FEATURES, Network


class FeaturesDense(Network):
    """Input features (batch, n_features), logits (batch, n_labels)."""

    inputs = (FEATURES,)

    def __init__(self, n_features: int, n_labels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 256),
            nn.ReLU(),
            batch_norm_1d(256),
            nn.Dropout(0.4),
            nn.Linear(256, 128),
            nn.ReLU(),
            batch_norm_1d(128),
            nn.Dropout(0.3),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, n_labels),
        )
        initialise(self)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of each utterance; shapes as above."""
        logits: Tensor = self.layers(features)
        return logits
