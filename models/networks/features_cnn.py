"""1-D CNN over the feature vector: ZCR, RMS, 40 MFCC (paper 5, Z. Boucheta and I. Roubache, table 2).

| layer | kernel | stride | output for n = 42 features |
|---|---|---|---|
| convolution, ReLU | 3 | 1 | (64, 40) |
| max-pool | 2 | 2 | (64, 20) |
| flatten | | | 1,280 |
| dense, ReLU | | | 64 |
| dropout 0.3 | | | 64 |
| dense (softmax outside) | | | labels |

The table leaves the padding open: Keras' default, none. It leaves the length of the vector open, too: one value of each
feature, its mean over the utterance, makes 42. Initialisation as Keras has it (`as_keras.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import initialise
from models.networks.network import FEATURES, Network

N_CHANNELS = 64
KERNEL = 3


class FeaturesCNN(Network):
    """Input features (batch, n_features), 4 at least; logits (batch, n_labels)."""

    inputs = (FEATURES,)

    def __init__(self, n_features: int, n_labels: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, N_CHANNELS, KERNEL),
            nn.MaxPool1d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(N_CHANNELS * ((n_features - KERNEL + 1) // 2), 64),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(64, n_labels),
        )
        initialise(self)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of each utterance; shapes as above."""
        logits: Tensor = self.layers(features.unsqueeze(1))
        return logits
