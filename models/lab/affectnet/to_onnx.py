"""AffectNet as an ONNX file: one step of any number of whole 4 frames, its state among inputs and outputs."""

from __future__ import annotations

import io
import warnings

import onnx
import torch
from torch import Tensor, nn

from models.networks.affectnet import FRAMES_A_STEP, AffectNet, Heard, State

OPSET = 17
INPUTS = ("log_mel", "functionals", *(f"heard_{name}" for name in Heard._fields), *(f"state_{name}" for name in State._fields))
OUTPUTS = ("logits", *(f"next_{name}" for name in State._fields))
_LSTM_STATE = ("hidden", "cell")


class _Flat(nn.Module):
    """ONNX knows no tuples."""

    def __init__(self, network: AffectNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, log_mel: Tensor, functionals: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        heard, state = Heard(*rest[: len(Heard._fields)]), State(*rest[len(Heard._fields) :])
        logits, following = self.network(log_mel, functionals, heard, state)
        return (logits, *following)


def to_onnx(network: AffectNet) -> onnx.ModelProto:
    """Inputs `INPUTS`, outputs `OUTPUTS`: any batch, any multiple of 4 frames. Without metadata."""
    example = _example(network, batch=2)
    batch_axis = {name: (1 if name.split("_", 1)[-1] in _LSTM_STATE else 0) for name in (*INPUTS, *OUTPUTS)}
    axes = {name: {axis: "batch"} for name, axis in batch_axis.items()}
    axes["log_mel"][1] = "frames"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # the exporter by tracing is deprecated, and warns of any LSTM; the newer one writes no opset 17
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Flat(network).eval(),
            example,
            buffer,  # type: ignore[arg-type]  # the exporter by tracing takes a stream
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
        )
    return onnx.load_model_from_string(buffer.getvalue())


def _example(network: AffectNet, batch: int) -> tuple[Tensor, ...]:
    n_mels, n_functionals = len(network.of_log_mel.centre), len(network.of_functionals.centre)
    heard = Heard(torch.zeros(batch, n_mels), torch.ones(batch, 1), torch.zeros(batch, n_functionals), torch.ones(batch, 1))
    log_mel = torch.zeros(batch, 2 * FRAMES_A_STEP, n_mels)
    return (log_mel, torch.zeros(batch, n_functionals), *heard, *network.of_log_mel.begin(batch))
