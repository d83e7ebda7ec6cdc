"""The contract: there and back through JSON, and each broken promise named with its file and field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Callable

import pytest

from dsp.params import FrontEndParams
from models.contract import LABELS, STREAM, Contract
from models.errors import ContractMismatch, ModelError

CONTRACT = Contract(
    name="some-model",
    labels=("anger", "neutral", "sadness"),
    front_end=FrontEndParams(frame_ms=25.0, hop_ms=10.0, kinds=("mfcc", "log_mel")),
    window_frames=100,
    stride_frames=25,
    licence="Apache-2.0",
    trained_on=("EMO-DB",),
    temperature=1.5,
    scores={"speaker_independent_uar": 71.25},
)

OF_A_STREAM = replace(CONTRACT, form=STREAM, window_frames=0, stride_frames=8)


def broken(change: Callable[[dict[str, Any]], None], contract: Contract = CONTRACT) -> str:
    values = json.loads(contract.to_json())
    change(values)
    return json.dumps(values)


@pytest.mark.parametrize("contract", [CONTRACT, OF_A_STREAM], ids=["windows", "stream"])
def test_round_trip_through_json(contract: Contract) -> None:
    assert Contract.from_json(contract.to_json(), where="some.onnx") == contract


def test_equal_contracts_have_the_same_text() -> None:
    again = Contract.from_json(CONTRACT.to_json(), where="some.onnx")
    assert again.to_json() == CONTRACT.to_json()


def test_the_text_of_a_model_of_windows_is_as_before_there_were_streams() -> None:
    """Or every file would have another sum when it is exported again."""
    front_end = json.dumps(CONTRACT.front_end.as_dict(), sort_keys=True)
    assert CONTRACT.to_json() == (
        '{"front_end": ' + front_end + ', "labels": ["anger", "neutral", "sadness"], "licence": "Apache-2.0", '
        '"name": "some-model", "scores": {"speaker_independent_uar": 71.25}, "stride_frames": 25, "temperature": 1.5, '
        '"trained_on": ["EMO-DB"], "version": 1, "window_frames": 100}'
    )


def test_window_shape_follows_from_the_front_end() -> None:
    assert CONTRACT.window_shape == (100, 13 + 40)


@pytest.mark.parametrize("field", sorted(json.loads(CONTRACT.to_json())))
def test_a_missing_field_is_named_with_its_file(field: str) -> None:
    with pytest.raises(ContractMismatch, match=rf"^some\.onnx: its contract lacks '{field}': export the model again$"):
        Contract.from_json(broken(lambda values: values.pop(field)), where="some.onnx")


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another version": (lambda v: v.update(version=2), "some.onnx has a contract of version 2"),
    "unknown label": (lambda v: v.update(labels=["anger", "glee"]), "'some-model' has the labels anger, glee"),
    "uncertain as a label": (lambda v: v.update(labels=["anger", "uncertain"]), "want at least two different ones"),
    "a label twice": (lambda v: v.update(labels=["anger", "anger"]), "want at least two different ones"),
    "one label": (lambda v: v.update(labels=["anger"]), "want at least two different ones"),
    "labels that are no list": (lambda v: v.update(labels=7), "some.onnx: its contract cannot be read"),
    "no window": (lambda v: v.update(window_frames=0), "a window of 0 and a stride of 25 frames"),
    "no stride": (lambda v: v.update(stride_frames=-1), "a window of 100 and a stride of -1 frames"),
    "a window in words": (lambda v: v.update(window_frames="long"), "some.onnx: its contract cannot be read .*'long'"),
    "temperature of zero": (lambda v: v.update(temperature=0), "the temperature 0"),
    "unknown front-end parameter": (lambda v: v["front_end"].update(hop=1), "some.onnx: .*unknown front-end parameter 'hop'"),
    "half a sample": (lambda v: v["front_end"].update(hop_ms=0.03), "some.onnx: .*0.48 samples"),
    "a front end that is no table": (lambda v: v.update(front_end=3), "some.onnx: its contract cannot be read"),
    "scores that are no numbers": (
        lambda v: v.update(scores={"uar": "good"}),
        "some.onnx: its contract cannot be read .*'good'",
    ),
    "scores that are no table": (lambda v: v.update(scores=[1]), "some.onnx: its contract cannot be read"),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_field_is_refused_in_one_line(change: Callable[[dict[str, Any]], None], says: str) -> None:
    with pytest.raises(ContractMismatch, match=says) as refusal:
        Contract.from_json(broken(change), where="some.onnx")
    assert "\n" not in str(refusal.value)
    assert isinstance(refusal.value, ModelError)


BROKEN_STREAMS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a form nobody knows": (lambda v: v.update(form="river"), "'some-model' has the form 'river': want windows or stream"),
    "a form that is no word": (lambda v: v.update(form=None), "has the form 'None'"),
    "a window": (lambda v: v.update(window_frames=128), "a window of 128 and a stride of 8 frames: a stream wants no window"),
    "a window below zero": (lambda v: v.update(window_frames=-1), "a window of -1 and a stride of 8 frames"),
    "no stride": (lambda v: v.update(stride_frames=0), "a stride of 0 frames: .* and a multiple of 4"),
    "a stride below zero": (lambda v: v.update(stride_frames=-4), "a stride of -4 frames"),
    "no whole steps": (lambda v: v.update(stride_frames=10), "a stride of 10 frames: a stream wants .* a multiple of 4"),
    "no form": (lambda v: v.pop("form"), "a window of 0 and a stride of 8 frames: want at least 1"),
}


@pytest.mark.parametrize(("change", "says"), BROKEN_STREAMS.values(), ids=BROKEN_STREAMS.keys())
def test_a_broken_stream_is_refused(change: Callable[[dict[str, Any]], None], says: str) -> None:
    with pytest.raises(ContractMismatch, match=rf"^some\.onnx: .*{says}"):
        Contract.from_json(broken(change, OF_A_STREAM), where="some.onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_text_that_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(ContractMismatch, match=r"^some\.onnx: its contract cannot be read"):
        Contract.from_json(text, where="some.onnx")


def test_the_labels_are_emotionml_s_big_six_and_three_more() -> None:
    assert {"anger", "disgust", "fear", "happiness", "sadness", "surprise"} < set(LABELS)
    assert list(LABELS) == sorted(LABELS)
