"""The smaller files keep interface, contract and answers, and are what they say: half precision, 8 bits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dsp.params import LOG_MEL, FrontEndParams
from dsp.running_functionals import KINDS_WANTED, n_functionals, utterance_functionals
from models.adaptation import Heard
from models.contract import LABELS, METADATA_KEY, STREAM, Contract
from models.lab import quantise
from models.lab.affectnet.voices import Learnt, Voices
from models.lab.errors import LabError
from models.lab.export import to_onnx
from models.lab.made import MADE_KEY, Made
from models.lab.quantise import Example
from models.lab.quantised_file import FP16, INT8
from models.networks.affectnet import AffectNet
from models.registry import ARTEFACTS, Artefact
from models.streaming import HEARD, LOGITS, STATE, StreamModel
from tests.fixtures import small_affectnet
from tests.fixtures.stream_model import FILE

FRONT_END = FrontEndParams(n_mels=64, n_mfcc=20, kinds=KINDS_WANTED)
CONTRACT = Contract("full-size", LABELS, FRONT_END, 0, 32, "CC0-1.0", (), temperature=1.5, form=STREAM)
MADE = Made("full-size", 0, "random weights", 1, 0.0, {})
CLOSE = {FP16: 1e-3, INT8: 0.02}
"""Probabilities of a network whose weights are random."""
SHARE = {FP16: 0.55, INT8: 0.5}
"""Of the float32 file's size, at most."""


def frames(n_frames: int, seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(-9.0, 3.0, (n_frames, FRONT_END.n_features)).astype(np.float32)
    drawn[:, FRONT_END.columns("pitch")] = (150.0, 0.9)
    return drawn


def example(n_frames: int, seed: int, n_heard: int) -> Example:
    said = frames(n_frames, seed)
    log_mel, functionals = said[:, FRONT_END.columns(LOG_MEL)], utterance_functionals(said, FRONT_END)
    return Example(log_mel, functionals, Heard(log_mel.mean(axis=0), n_frames * n_heard, functionals, n_heard))


EXAMPLES = [example(98, seed, n_heard=seed % 2) for seed in range(6)]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    network = AffectNet(FRONT_END.n_mels, n_functionals(FRONT_END), len(LABELS)).eval()
    small_affectnet.draw_weights(network, seed=0)
    with torch.no_grad():
        content = to_onnx(network, CONTRACT, MADE)
    return {"fp32": content, FP16: quantise.fp16(content), INT8: quantise.int8(content, EXAMPLES)}


def opened(content: bytes) -> StreamModel:
    return StreamModel(Artefact("made", FILE, "", content))


def answers(content: bytes, stride: int) -> NDArray[np.float64]:
    model, said = opened(content), frames(200, seed=9)
    known = example(100, seed=8, n_heard=3).heard
    found = []
    for heard in (None, known):
        utterance = model.begin(heard)
        found += [model.answer([utterance.push(said[at : at + stride])])[0] for at in range(0, 200, stride)]
    return np.stack(found)


@pytest.mark.parametrize("precision", [FP16, INT8])
def test_the_answers_are_near(files: dict[str, bytes], precision: str) -> None:
    wanted, found = answers(files["fp32"], 40), answers(files[precision], 40)
    assert np.ptp(wanted, axis=0).max() > 0.1, "answers that do not move show nothing"
    assert 0.0 < np.abs(found - wanted).max() < CLOSE[precision]
    assert np.abs(answers(files[precision], 200)[-1] - found[-1]).max() < CLOSE[precision], "in pieces as whole"


@pytest.mark.parametrize("precision", [FP16, INT8])
def test_the_interface_and_the_promises_stay(files: dict[str, bytes], precision: str) -> None:
    model, before = (onnx.load_model_from_string(files[each]) for each in (precision, "fp32"))
    assert list(model.graph.input) == list(before.graph.input)
    assert list(model.graph.output) == list(before.graph.output)
    assert {each.domain: each.version for each in model.opset_import}[""] == 17
    assert model.ir_version <= 8
    metadata = {each.key: each.value for each in model.metadata_props}
    assert metadata[MADE_KEY] == MADE.to_json()
    assert Contract.from_json(metadata[METADATA_KEY], "") == replace(CONTRACT, name=f"full-size-{precision}")
    assert len(files[precision]) < SHARE[precision] * len(files["fp32"])


@pytest.mark.parametrize("content", [FILE.read_bytes()], ids=["small"])
def test_the_bytes_are_the_same_each_time(content: bytes) -> None:
    few = small_affectnet.CONTRACT.front_end
    said = np.random.default_rng(0).normal(-9.0, 3.0, (50, few.n_mels)).astype(np.float32)
    functionals = np.zeros(n_functionals(few), np.float32)
    given = [Example(said, functionals, Heard(np.zeros(few.n_mels, np.float32), 0, functionals, 0))]
    assert quantise.fp16(content) == quantise.fp16(content)
    assert quantise.int8(content, given) == quantise.int8(content, given)


def test_the_convolutions_of_the_blocks_and_the_lstm_are_in_8_bits(files: dict[str, bytes]) -> None:
    graph = onnx.load_model_from_string(files[INT8]).graph
    by_output = {name: node for node in graph.node for name in node.output}
    weights = {each.name: each for each in graph.initializer}
    first, *others = (node for node in graph.node if node.op_type == "Conv")
    assert weights[first.input[1]].data_type == TensorProto.FLOAT
    assert len(others) == 9
    for node in others:
        image, kernel = (by_output[name] for name in node.input[:2])
        assert (image.op_type, kernel.op_type) == ("DequantizeLinear", "DequantizeLinear")
        values, scales = (numpy_helper.to_array(weights[name]) for name in kernel.input[:2])
        assert values.dtype == np.int8
        assert np.abs(values).max() <= 64, "7 bits: see the module"
        assert len(scales) == len(values), "one a channel"
    types = [node.op_type for node in graph.node]
    assert types.count("LSTM") == 0
    assert types.count("DynamicQuantizeLSTM") == 1


def test_onnx_runtime_computes_in_8_bits(files: dict[str, bytes], tmp_path: pytest.TempPathFactory) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = f"{tmp_path}/as_run.onnx"
    options.log_severity_level = 4
    onnxruntime.InferenceSession(files[INT8], options, providers=["CPUExecutionProvider"])
    types = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert types.count("QLinearConv") == 9


def test_half_precision_holds_where_it_is_computed_in_half(files: dict[str, bytes]) -> None:
    """ONNX Runtime widens on a processor; the reference does not."""
    said = example(48, seed=5, n_heard=3)
    model = onnx.load_model_from_string(files[FP16])
    known = dict(zip(HEARD, (said.heard.log_mel, [144.0], said.heard.functionals, [3.0])))
    feed = {"log_mel": said.log_mel, "functionals": said.functionals, **known}
    feed = {name: np.array([values], np.float32) for name, values in feed.items()}
    for put in model.graph.input:
        if put.name.startswith(STATE):
            feed[put.name] = np.zeros([each.dim_value or 1 for each in put.type.tensor_type.shape.dim], np.float32)
    (wanted,), (found,) = (ReferenceEvaluator(files[each]).run([LOGITS], feed) for each in ("fp32", FP16))
    assert 0.0 < np.abs(np.subtract(found, wanted)).max() < 0.01
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    kinds = {each.name: each.type.tensor_type.elem_type for each in inferred}
    made_by = {node.op_type: {kinds[node.output[0]]} for node in model.graph.node if node.output[0] in kinds}
    assert made_by["Conv"] == {TensorProto.FLOAT16}
    assert made_by["CumSum"] == made_by["LSTM"] == made_by["ReduceSum"] == {TensorProto.FLOAT}


def without_contract() -> bytes:
    model = onnx.load(FILE)
    helper.set_model_props(model, {})
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (FILE.read_bytes()[:5000], "no model to quantise: .*: export it again"),
        (without_contract(), "has no 'affectd.contract' in its metadata: export it again"),
        ((ARTEFACTS / "cl-emodb.onnx").read_bytes(), "cl-emodb: is no AffectNet: only that is quantised"),
    ],
    ids=["cut", "no contract", "another network"],
)
def test_what_cannot_be_quantised_is_told_in_a_line(content: bytes, said: str) -> None:
    with pytest.raises(LabError, match=said) as of_half:
        quantise.fp16(content)
    with pytest.raises(LabError, match=said) as of_8_bits:
        quantise.int8(content, EXAMPLES)
    assert "\n" not in str(of_half.value) + str(of_8_bits.value)


def test_nothing_to_calibrate_by() -> None:
    with pytest.raises(LabError, match="nothing to calibrate by: want utterances of at least 4 frames"):
        quantise.int8(FILE.read_bytes(), [example(3, seed=0, n_heard=0)])


def test_examples_are_of_every_version_and_of_seats_that_heard_something_or_nothing() -> None:
    said = [frames(20 + k, seed=k)[:, FRONT_END.columns(LOG_MEL)] for k in range(30)]
    table = np.arange(30, dtype=np.float32)[:, np.newaxis]
    speakers, labels = [str(k % 3) for k in range(30)], ["anger"] * 30
    clean, noisy = Voices(said, table, speakers, labels), Voices([each + 1.0 for each in said], table, speakers, labels)
    drawn = quantise.examples(Learnt([clean, noisy], np.zeros(30, np.int64)))
    assert len(drawn) == 30
    of_which: Counter[tuple[int, bool]] = Counter()
    for each in drawn:
        (k,) = each.functionals.astype(int)
        of_which[each.heard.n_utterances, bool((each.log_mel != said[k]).all())] += 1
    assert of_which == {(0, False): 8, (9, False): 8, (0, True): 7, (9, True): 7}
    again = quantise.examples(Learnt([clean, noisy], np.zeros(30, np.int64)))
    assert [each.heard.n_frames for each in again] == [each.heard.n_frames for each in drawn]
