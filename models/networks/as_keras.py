"""Layers as Keras makes them, for the papers that used it: what differs from torch's own is said at each.

Keras 2 and 3 alike: kernels drawn uniformly after Glorot, biases 0; batch norm with momentum 0.99 and epsilon 0.001;
an LSTM with one bias per gate, the forget gate's 1 at the start, recurrent kernel orthogonal, all gates' sigmoids exact.
MATLAB's defaults, which paper 2 used, are the same for convolutions, dense layers and the LSTM.
"""

from __future__ import annotations

from torch import Tensor, nn

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.01
"""torch's word for 1 - 0.99."""


class KerasLSTM(nn.LSTM):
    """One layer over (batch, steps, n_in).

    torch adds two biases where Keras has one: the second is frozen at 0, so that the first learns at Keras' pace.
    """

    def __init__(self, n_in: int, n_units: int, bidirectional: bool = False) -> None:
        super().__init__(n_in, n_units, batch_first=True, bidirectional=bidirectional)

    def reset_parameters(self) -> None:
        """Keras' initialisation; torch calls this once the parameters are there."""
        for name, values in self.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(values)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(values)
            else:
                nn.init.zeros_(values)
            if name.startswith("bias_ih"):
                # torch and Keras both order the gates input, forget, cell, output
                nn.init.ones_(values.detach()[self.hidden_size : 2 * self.hidden_size])
            elif name.startswith("bias_hh"):
                values.requires_grad_(False)

    def last(self, steps: Tensor) -> Tensor:
        """(batch, steps, n_in) -> (batch, n_units), the state after the last step.

        Both ways: (batch, 2 n_units), backwards after the first step, as Keras' Bidirectional joins them.
        """
        state: Tensor = self(steps)[1][0]
        return state.transpose(0, 1).flatten(1)


def batch_norm_1d(n_channels: int) -> nn.BatchNorm1d:
    """Keras' BatchNormalization after a 1-D convolution or a dense layer."""
    return nn.BatchNorm1d(n_channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)


def batch_norm_2d(n_channels: int) -> nn.BatchNorm2d:
    """Keras' BatchNormalization after a 2-D convolution."""
    return nn.BatchNorm2d(n_channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)


def initialise(network: nn.Module) -> None:
    """Draw all convolutions and dense layers anew, after Glorot; an LSTM has done so itself."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)


def counts(network: nn.Module) -> tuple[int, int]:
    """Parameters in all and trainable ones, as Keras' summary counts: means and variances of batch norm are not trainable."""
    trainable = sum(values.numel() for values in network.parameters() if values.requires_grad)
    norms = (module for module in network.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)))
    return trainable + sum(2 * norm.num_features for norm in norms), trainable
