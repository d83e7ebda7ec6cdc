"""AffectNet's file in half precision and in 8 bits: inputs and outputs as before, in float32; smaller, and in 8 bits faster.

What is computed in which precision was chosen by how far answers move from the float32 file's, on 150 utterances of CASIA, of
which no network and no test knows anything, cold and with 10 others heard. No label was looked at. In brackets: the mean
Kullback-Leibler divergence.

**Half precision** (3e-8): the convolutions, and what carries images between them. All else stays in float32, its weights kept
in half and widened when the file is loaded: sums over an utterance pass 65504 within a minute, the difference of two moments
loses the deviation, and ONNX Runtime has no LSTM in half for processors. On a processor it is as fast as float32: it is for
accelerators, and for a file of half the size.

**8 bits** (9e-5; no label changed): the convolutions of the residual blocks, from calibrated ranges, with a scale a channel of
the weights; the LSTM, with the ranges of each call (`com.microsoft.DynamicQuantizeLSTM`). In float32 stay:
- the first convolution: with one channel in, it takes twice the time in 8 bits;
- the dense layers: in 8 bits they save no time, and answers move ten times as far (8e-4, 2 % of the labels change);
- sums, poolings and edges between the convolutions: passed on in 8 bits they take more time, not less (1e-4).
The LSTM's share is an eighth of the time and two fifths of the file. Its ranges are those of a call, so that in 8 bits an
answer depends a little on how the stream is cut: probabilities by 0.004, and by 0.0001 with the LSTM in float32.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader

from dsp.params import LOG_MEL
from models.adaptation import Heard
from models.contract import STEP_FRAMES, STREAM
from models.lab.affectnet import heard
from models.lab.affectnet.voices import Learnt
from models.lab.errors import LabError
from models.lab.quantised_file import FP16, INT8, in_8_bits, read, written
from models.streaming import FUNCTIONALS, HEARD, NEXT, STATE

N_EXAMPLES = 80
N_HEARD = 10
PIECE_FRAMES = 96
"""Of an example given to the network at once."""
_OF_IMAGES = ("Concat", "Conv", "Slice", "Relu", "AveragePool", "Add")
"""What is computed in half precision where it makes images, (batch, channels, mel, frames)."""
_WEIGHTS = {"LSTM": (1, 2), "Gemm": (1,), "MatMul": (1,)}
"""Which inputs of the other layers are weights."""
_HALF = "_half"

Arrays = dict[str, NDArray[np.float32]]


class Example(NamedTuple):
    """An utterance to calibrate by."""

    log_mel: NDArray[np.float32]
    """(n_frames, n_mels)"""
    functionals: NDArray[np.float32]
    """(n_functionals,)"""
    heard: Heard
    """What is known of the speaker."""


def examples(part: Learnt, seed: int = 0) -> list[Example]:
    """Utterances of a training part, its versions in turn; of every other one's speaker something was heard before."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(part.truth))[:N_EXAMPLES]
    drawn = []
    for n, position in enumerate(chosen):
        version = part.versions[n // 2 % len(part.versions)]
        known = heard.in_test(version, int(position), heard.Condition("", N_HEARD * (n % 2)), rng)
        drawn.append(Example(version.log_mel[position], version.functionals[position], known))
    return drawn


def fp16(content: bytes) -> bytes:
    """The file with its convolutions computed and all its weights kept in half precision; the contract's name ends in -fp16.

    The same file gives the same bytes. Raises LabError for a file that is not AffectNet's.
    """
    model, metadata = _read(content)
    _compute_in_half(model)
    _keep_in_half(model.graph)
    return written(model, metadata, FP16)


def int8(content: bytes, calibration: Sequence[Example]) -> bytes:
    """The file with its residual blocks and its LSTM in 8 bits; the contract's name ends in -int8.

    The same file and examples give the same bytes, with one version of ONNX Runtime. Raises LabError for a file that is not
    AffectNet's, and without examples.
    """
    model, metadata = _read(content)
    if not any(len(each.log_mel) >= STEP_FRAMES for each in calibration):
        raise LabError(f"nothing to calibrate by: want utterances of at least {STEP_FRAMES} frames")
    blocks = _convolutions_of_images(model.graph)
    return written(in_8_bits(model, _Calibration(content, calibration), blocks), metadata, INT8)


def _read(content: bytes) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The model, and its metadata."""
    model, metadata, contract = read(content)
    if contract.form != STREAM:
        raise LabError(f"{contract.name}: is no AffectNet: only that is quantised")
    _without_aliases(model.graph)
    return model, metadata


def _without_aliases(graph: onnx.GraphProto) -> None:
    """Weights that are alike are kept once in an exported file, under several names: only one is left."""
    weights = {each.name for each in graph.initializer}
    alias = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity" and node.input[0] in weights}
    kept = [node for node in graph.node if not (node.output and node.output[0] in alias)]
    for node in kept:
        node.input[:] = [alias.get(name, name) for name in node.input]
    del graph.node[:]
    graph.node.extend(kept)


def _convolutions_of_images(graph: onnx.GraphProto) -> list[str]:
    """Their names, but for those with one channel in."""
    channels = {each.name: each.dims[1] for each in graph.initializer if len(each.dims) == 4}
    return [node.name for node in graph.node if node.op_type == "Conv" and channels[node.input[1]] > 1]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime is not typed
    """The examples as the stream is fed: in pieces, the state carried on."""

    def __init__(self, content: bytes, examples: Sequence[Example]) -> None:
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self._states = {put.name: put.shape for put in self._session.get_inputs() if put.name.startswith(STATE)}
        self._outputs = [put.name for put in self._session.get_outputs()]
        self._feeds = (feed for example in examples for feed in self._fed(example))

    def get_next(self) -> Arrays | None:
        """The inputs of one run."""
        return next(self._feeds, None)

    def _fed(self, example: Example) -> Iterator[Arrays]:
        # what is open in a state's shape is the batch
        state = {
            name: np.zeros([n if isinstance(n, int) else 1 for n in shape], np.float32) for name, shape in self._states.items()
        }
        always = {FUNCTIONALS: example.functionals[np.newaxis], **dict(zip(HEARD, heard.stacked([example.heard])))}
        n_whole = len(example.log_mel) // STEP_FRAMES * STEP_FRAMES
        for begin in range(0, n_whole, PIECE_FRAMES):
            piece = example.log_mel[np.newaxis, begin : min(begin + PIECE_FRAMES, n_whole)]
            feed = {LOG_MEL: piece, **always, **state}
            yield feed
            said = dict(zip(self._outputs, self._session.run(None, feed)))
            state = {name: said[NEXT + name[len(STATE) :]] for name in state}


def _compute_in_half(model: onnx.ModelProto) -> None:
    graph, images = model.graph, _images(model)
    chosen = {node.name for node in graph.node if node.op_type in _OF_IMAGES and node.output[0] in images}
    wanted_wide = {name for node in graph.node if node.name not in chosen for name in node.input}
    wanted_wide |= {put.name for put in graph.output}
    weights = {each.name: each for each in graph.initializer if each.data_type == TensorProto.FLOAT}
    narrow: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.name not in chosen:
            nodes.append(node)
            continue
        for k, name in enumerate(node.input):
            if name not in images and name not in weights:
                continue  # where to slice
            if name in weights and name not in narrow:
                graph.initializer.append(_in_half(weights[name]))
            elif name not in narrow:
                nodes.append(_cast(name, name + _HALF, TensorProto.FLOAT16))
            narrow.add(name)
            node.input[k] = name + _HALF
        (made,) = node.output
        node.output[0] = made + _HALF
        narrow.add(made)
        nodes.append(node)
        if made in wanted_wide:
            nodes.append(_cast(made + _HALF, made, TensorProto.FLOAT))
    _replace_nodes(graph, nodes)


def _images(model: onnx.ModelProto) -> set[str]:
    """Names of all that is made or put in with four axes, in floats."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    told = [*graph.input, *graph.output, *graph.value_info]
    floats = [each for each in told if each.type.tensor_type.elem_type == TensorProto.FLOAT]
    return {each.name for each in floats if len(each.type.tensor_type.shape.dim) == 4}


def _keep_in_half(graph: onnx.GraphProto) -> None:
    """Weights of what is computed in float32: widened when the file is loaded."""
    used = {node.input[k] for node in graph.node for k in _WEIGHTS.get(node.op_type, ())}
    weights = [each for each in graph.initializer if each.name in used]
    graph.initializer.extend([_in_half(each) for each in weights])
    _replace_nodes(graph, [*(_cast(each.name + _HALF, each.name, TensorProto.FLOAT) for each in weights), *graph.node])


def _in_half(weights: onnx.TensorProto) -> onnx.TensorProto:
    return numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), weights.name + _HALF)


def _cast(name: str, to_name: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [to_name], name=f"{to_name}_cast", to=to)


def _replace_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Put these in place of the graph's, and leave out the weights that none of them uses."""
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    made, used = {name for node in copies for name in node.output}, {name for node in copies for name in node.input}
    weights = [each for each in graph.initializer if each.name in used and each.name not in made]
    weights = [onnx.TensorProto.FromString(each.SerializeToString()) for each in weights]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(copies)
    graph.initializer.extend(weights)
