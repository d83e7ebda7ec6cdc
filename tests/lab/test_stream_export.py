"""AffectNet as a file: the runtime answers as torch does, and the small file of the other tests is what the network makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper

from dsp.params import LOG_MEL, FrontEndParams
from dsp.running_functionals import KINDS_WANTED, n_functionals, utterance_functionals
from models.adaptation import Heard
from models.contract import LABELS, METADATA_KEY, STEP_FRAMES, STREAM, Contract
from models.errors import ContractMismatch
from models.lab.affectnet import to_onnx
from models.networks import affectnet
from models.networks.affectnet import AffectNet
from models.registry import Artefact
from models.streaming import FUNCTIONALS, HEARD, LOGITS, NEXT, STATE, StreamModel
from tests.fixtures import small_affectnet
from tests.fixtures.stream_model import FILE

CLOSE = 1e-5
"""float32 sums in another order."""
FRONT_END = FrontEndParams(n_mels=64, n_mfcc=20, kinds=KINDS_WANTED)
CONTRACT = Contract("full-size", LABELS, FRONT_END, 0, 32, "CC0-1.0", (), form=STREAM)


def opened(model: onnx.ModelProto, contract: Contract) -> StreamModel:
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    return StreamModel(Artefact("made", Path("made.onnx"), "", model.SerializeToString()))


def frames(n_frames: int, seed: int) -> NDArray[np.float32]:
    """Noise around the network's centre, with a pitch."""
    drawn = np.random.default_rng(seed).normal(-9.0, 3.0, (n_frames, FRONT_END.n_features)).astype(np.float32)
    drawn[:, FRONT_END.columns("pitch")] = (150.0, 0.9)
    return drawn


@pytest.fixture(scope="module")
def network() -> AffectNet:
    """Of the size that ships."""
    made = AffectNet(FRONT_END.n_mels, n_functionals(FRONT_END), len(LABELS)).eval()
    small_affectnet.draw_weights(made, seed=0)
    return made


@pytest.fixture(scope="module")
def model(network: AffectNet) -> StreamModel:
    return opened(to_onnx.to_onnx(network), CONTRACT)


def by_torch(network: AffectNet, said: NDArray[np.float32], heard: Heard) -> NDArray[np.float64]:
    whole = said[: len(said) - len(said) % STEP_FRAMES, FRONT_END.columns(LOG_MEL)]
    known = affectnet.Heard(
        torch.from_numpy(heard.log_mel[None]),
        torch.tensor([[float(heard.n_frames)]]),
        torch.from_numpy(heard.functionals[None]),
        torch.tensor([[float(heard.n_utterances)]]),
    )
    functionals = torch.from_numpy(utterance_functionals(said, FRONT_END)[None])
    with torch.no_grad():
        logits, _ = network(torch.from_numpy(whole[None].copy()), functionals, known, network.of_log_mel.begin(1))
    return np.asarray(torch.softmax(logits.double(), dim=1)[0].numpy())


@pytest.mark.parametrize("n_heard", [0, 3])
@pytest.mark.parametrize("n_frames", [4, 63, 200])
def test_the_runtime_answers_in_pieces_as_torch_does_of_the_whole(
    network: AffectNet, model: StreamModel, n_frames: int, n_heard: int
) -> None:
    before = model.begin()
    before.push(frames(100, seed=1))
    heard = Heard(before.summary().log_mel, 100 * n_heard, before.summary().functionals, n_heard)
    said, utterance = frames(n_frames, seed=2), model.begin(heard)
    pieces = [utterance.push(said[at : at + 32]) for at in range(0, n_frames, 32)]
    np.testing.assert_allclose(model.answer(pieces)[-1], by_torch(network, said, heard), rtol=0, atol=CLOSE)


def test_the_small_file_is_what_the_network_makes() -> None:
    assert FILE.stat().st_size < 70_000
    assert FILE.read_bytes() == small_affectnet.content(), "make it anew: python -m tests.fixtures.small_affectnet"


def test_the_names_are_those_of_the_export() -> None:
    assert STEP_FRAMES == affectnet.FRAMES_A_STEP
    states = affectnet.State._fields
    assert (LOG_MEL, FUNCTIONALS, *HEARD, *(STATE + name for name in states)) == to_onnx.INPUTS
    assert (LOGITS, *(NEXT + name for name in states)) == to_onnx.OUTPUTS


def test_a_state_that_grows_is_refused() -> None:
    """Its shape is open in the file: only a run tells."""
    model = onnx.load(FILE)
    (writer,) = (node for node in model.graph.node if "next_edge_0" in node.output)
    writer.output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once", "once"], ["next_edge_0"], axis=3))
    with pytest.raises(
        ContractMismatch, match=r"model made\.onnx does not carry its state on: .+: export it again$"
    ) as refused:
        opened(model, small_affectnet.CONTRACT)
    assert "\n" not in str(refused.value)


def test_inputs_that_are_no_floats_are_refused() -> None:
    model = onnx.load(FILE)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    model.graph.input[0].name = "as_double"
    model.graph.node.insert(0, helper.make_node("Cast", ["as_double"], ["log_mel"], to=onnx.TensorProto.FLOAT))
    with pytest.raises(ContractMismatch, match="its input 'log_mel' is not there"):
        opened(model, small_affectnet.CONTRACT)
