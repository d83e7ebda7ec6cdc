"""The networks by the name that a recipe gives them."""

from __future__ import annotations

import inspect
from typing import Mapping, Sequence

from models.networks.cl import CL
from models.networks.cl_controls import CLControl1, CLControl2, CLControl3, CLWithoutCNN, CLWithoutLSTM
from models.networks.cnn_lstm_1d import CNNLSTM1D, CNNBiLSTM1D
from models.networks.cnn_lstm_2d import CNNLSTM2D
from models.networks.features_cnn import FeaturesCNN
from models.networks.features_cnn_lstm import FeaturesCNNLSTM
from models.networks.features_dense import FeaturesDense
from models.networks.image_cnn_lstm import ImageCNNLSTM, ImageCNNLSTMScaled
from models.networks.network import FEATURES, Network
from models.networks.pieces_2d import PiecesCNNBiLSTM2D, PiecesCNNLSTM2D

NETWORKS: Mapping[str, type[Network]] = {
    # paper 1
    "cl": CL,
    "cl_control_1": CLControl1,
    "cl_control_2": CLControl2,
    "cl_control_3": CLControl3,
    "cl_without_lstm": CLWithoutLSTM,
    "cl_without_cnn": CLWithoutCNN,
    # paper 2
    "image_cnn_lstm": ImageCNNLSTM,
    "image_cnn_lstm_scaled": ImageCNNLSTMScaled,
    # paper 3
    "cnn_lstm_2d": CNNLSTM2D,
    "pieces_cnn_lstm_2d": PiecesCNNLSTM2D,
    "pieces_cnn_bilstm_2d": PiecesCNNBiLSTM2D,
    "cnn_lstm_1d": CNNLSTM1D,
    "cnn_bilstm_1d": CNNBiLSTM1D,
    # paper 4
    "features_cnn_lstm": FeaturesCNNLSTM,
    "features_dense": FeaturesDense,
    # paper 5
    "features_cnn": FeaturesCNN,
}


def takes_table(name: str) -> bool:
    """Whether the network takes a row of a table per utterance, not windows of frames."""
    return NETWORKS[name].inputs == (FEATURES,)


def takes_dropout(name: str) -> bool:
    """Whether its paper names one dropout rate; the others have none, or fixed ones."""
    return "dropout" in inspect.signature(NETWORKS[name]).parameters


def build(name: str, window_frames: int, widths: Sequence[int], n_labels: int, dropout: float | None = None) -> Network:
    """The network with fresh weights.

    `widths`: columns of each of its inputs; `window_frames` counts for no table; `dropout`: None for the paper's rate. Raises
    KeyError for an unknown name, ValueError for sizes that leave the network nothing or a rate that it does not take.
    """
    if dropout is not None and not takes_dropout(name):
        raise ValueError(f"{name} has the dropout of its paper, if any: give it none, not {dropout}")
    sizes = list(widths) if takes_table(name) else [window_frames, *widths]
    return NETWORKS[name](*sizes, n_labels, **({} if dropout is None else {"dropout": dropout}))
