"""CL's file in 8 bits: inputs and outputs as before, in float32; a quarter of the size, and twice as fast on a processor.

In 8 bits are the convolutions but for the first, with the poolings that follow them, and the first dense layer, all from
calibrated ranges; the LSTM has the ranges of each call. In float32 stay the first convolution, which with one channel in takes
as long in 8 bits, the normalisations, and the two small dense layers.

A pooling of a ReLU is the ReLU of a pooling. The network pools first, for that is fewer comparisons; here the ReLU comes first,
so that the 8 bits of a convolution's output are spent on what is above zero: probabilities move by two thirds as much.
"""

from __future__ import annotations

from typing import Iterable, Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.onnx_model import ONNXModel

from dsp.params import MFCC, SPECTROGRAM, FrontEndParams
from models.lab.errors import LabError
from models.lab.quantised_file import INT8, in_8_bits, read, written

F32 = NDArray[np.float32]


def int8(content: bytes, windows: F32) -> bytes:
    """The file in 8 bits, calibrated by `windows` (n, window_frames, n_features); the contract's name ends in -int8.

    The same file and windows give the same bytes, with one version of ONNX Runtime. Raises LabError for a file that is not
    CL's, and without windows.
    """
    model, metadata, contract = read(content)
    if [put.name for put in model.graph.input] != [SPECTROGRAM, MFCC]:
        raise LabError(f"{contract.name}: is no CL: of models of windows only that is quantised")
    if not len(windows):
        raise LabError("nothing to calibrate by: want a window at least")
    chosen = [*_convolutions(model.graph), *_after_relu(model.graph), _largest_dense(model)]
    return written(in_8_bits(model, _Calibration(windows, contract.front_end), chosen), metadata, INT8)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime is not typed
    """One window after the other."""

    def __init__(self, windows: F32, front_end: FrontEndParams) -> None:
        self._feeds = self._each(windows, front_end)

    def get_next(self) -> dict[str, F32] | None:
        """The inputs of one run."""
        return next(self._feeds, None)

    @staticmethod
    def _each(windows: F32, front_end: FrontEndParams) -> Iterator[dict[str, F32]]:
        for window in windows[:, np.newaxis]:
            yield {kind: np.ascontiguousarray(window[:, :, front_end.columns(kind)]) for kind in (SPECTROGRAM, MFCC)}


def _convolutions(graph: onnx.GraphProto) -> list[str]:
    """Their names, but for those with one channel in."""
    channels = {each.name: each.dims[1] for each in graph.initializer if len(each.dims) == 4}
    return [node.name for node in graph.node if node.op_type == "Conv" and channels[node.input[1]] > 1]


def _after_relu(graph: onnx.GraphProto) -> Iterable[str]:
    """Put each ReLU that follows such a convolution's pooling before that: the names of both."""
    convolutions = set(_convolutions(graph))
    made_by = {name: node for node in graph.node for name in node.output}
    for relu in [node for node in graph.node if node.op_type == "Relu"]:
        pool = made_by[relu.input[0]]
        if pool.op_type != "MaxPool" or made_by[pool.input[0]].name not in convolutions:
            continue
        # each takes the other's place, names and all: the graph's order stays that of the sound
        relu.op_type, pool.op_type = pool.op_type, relu.op_type
        relu.name, pool.name = pool.name, relu.name
        settings = list(pool.attribute)
        del pool.attribute[:]
        relu.attribute.extend(settings)
        yield from (pool.name, relu.name)


def _largest_dense(model: onnx.ModelProto) -> str:
    """Its name: it has nine tenths of all parameters.

    First each dense layer is parted into product and sum. The quantiser does that anyhow, but after it has quantised: then each
    run would turn over the weights.
    """
    ONNXModel(model).replace_gemm_with_matmul()
    sizes = {each.name: int(np.prod(each.dims)) for each in model.graph.initializer}
    products = (node for node in model.graph.node if node.op_type == "MatMul")
    return str(max(products, key=lambda node: sizes[node.input[1]]).name)
