"""CL in 8 bits keeps interface and contract, answers nearly alike, and computes in 8 bits what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from daemon.demo.demo import RECORDING
from dsp.offline import feature_frames
from dsp.window import utterance_windows
from models.contract import METADATA_KEY, Contract
from models.lab import quantise_windows
from models.lab.errors import LabError
from models.lab.quantised_file import NEWEST_IR_VERSION, read
from models.registry import ARTEFACTS, Artefact
from models.runtime import EmotionModel
from tests.fixtures.stream_model import FILE

CL = ARTEFACTS / "cl-emodb.onnx"
CLOSE = 0.1
"""Probabilities, of speech from a machine, which no training knew."""


@pytest.fixture(scope="module")
def windows() -> NDArray[np.float32]:
    """Of the bundled recording."""
    contract = read(CL.read_bytes()).contract
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    frames = feature_frames(samples[: 20 * 16000], contract.front_end)
    return utterance_windows(frames, contract.front_end, contract.window_frames, 2 * contract.stride_frames)


@pytest.fixture(scope="module")
def quantised(windows: NDArray[np.float32]) -> bytes:
    return quantise_windows.int8(CL.read_bytes(), windows[::2])


def answers(content: bytes, windows: NDArray[np.float32]) -> NDArray[np.float64]:
    return EmotionModel(Artefact("made", CL, "", content)).predict(windows)


def test_the_answers_are_near(quantised: bytes, windows: NDArray[np.float32]) -> None:
    wanted, found = answers(CL.read_bytes(), windows), answers(quantised, windows)
    assert np.ptp(wanted, axis=0).max() > 0.1, "answers that do not move show nothing"
    assert 0.0 < np.abs(found - wanted).max() < CLOSE


def test_the_interface_and_the_promises_stay(quantised: bytes) -> None:
    model, before = onnx.load_model_from_string(quantised), onnx.load(CL)
    assert list(model.graph.input) == list(before.graph.input)
    assert list(model.graph.output) == list(before.graph.output)
    assert {each.domain: each.version for each in model.opset_import}[""] == 17
    assert model.ir_version <= NEWEST_IR_VERSION
    promised = Contract.from_json({each.key: each.value for each in model.metadata_props}[METADATA_KEY], "")
    assert promised == replace(read(CL.read_bytes()).contract, name="cl-emodb-int8")
    assert len(quantised) < 0.27 * CL.stat().st_size


def test_weights_have_7_bits_and_a_scale_a_channel(quantised: bytes) -> None:
    graph = onnx.load_model_from_string(quantised).graph
    made_by = {name: node for node in graph.node for name in node.output}
    weights = {each.name: each for each in graph.initializer}
    first, *others = (node for node in graph.node if node.op_type == "Conv")
    assert weights[first.input[1]].data_type == TensorProto.FLOAT
    dense, *smaller = (node for node in graph.node if node.op_type == "MatMul")
    assert {weights[node.input[1]].data_type for node in smaller} == {TensorProto.FLOAT}
    assert len(others) == 2
    for node, axis in [(others[0], 0), (others[1], 0), (dense, 1)]:
        values, scales = (numpy_helper.to_array(weights[name]) for name in made_by[node.input[1]].input[:2])
        assert values.dtype == np.int8
        assert np.abs(values).max() <= 64
        assert len(scales) == values.shape[axis]


def test_onnx_runtime_computes_in_8_bits(quantised: bytes, tmp_path: pytest.TempPathFactory) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = f"{tmp_path}/as_run.onnx"
    options.log_severity_level = 4
    onnxruntime.InferenceSession(quantised, options, providers=["CPUExecutionProvider"])
    types = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert (types.count("QLinearConv"), types.count("QLinearMatMul"), types.count("DynamicQuantizeLSTM")) == (2, 1, 2)


def test_another_network_is_refused(windows: NDArray[np.float32]) -> None:
    with pytest.raises(LabError, match=r"is no CL: of models of windows only that is quantised$"):
        quantise_windows.int8(FILE.read_bytes(), windows)


def test_nothing_to_calibrate_by(windows: NDArray[np.float32]) -> None:
    with pytest.raises(LabError, match="nothing to calibrate by: want a window at least"):
        quantise_windows.int8(CL.read_bytes(), windows[:0])
