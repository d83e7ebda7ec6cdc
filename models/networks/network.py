"""What every network here has in common."""

from __future__ import annotations

from torch import nn

FEATURES = "features"
"""The input of a network that takes one row of a table per utterance, not windows of frames."""


class Network(nn.Module):
    """`inputs` names what `forward` takes, in order; it gives logits (batch, n_labels), the softmax is outside.

    A network over windows is made from (window_frames, one width for each input, n_labels), each input is (batch,
    window_frames, width); one over `FEATURES` from (n_features, n_labels), its input is (batch, n_features). Where the
    paper names a single dropout rate, `dropout` comes last.
    """

    inputs: tuple[str, ...]
