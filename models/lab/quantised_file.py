"""What a file in another precision is made by: the float32 file is read, parts of it are put into 8 bits, and it is written."""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Sequence

import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static

from models.contract import METADATA_KEY, Contract
from models.lab.errors import LabError

FP32, FP16, INT8 = PRECISIONS = ("fp32", "fp16", "int8")
NEWEST_IR_VERSION = 8


class ModelFile(NamedTuple):
    """A float32 file."""

    model: onnx.ModelProto
    metadata: dict[str, str]
    contract: Contract


def read(content: bytes) -> ModelFile:
    """The file's model and promises. Raises LabError for what is no model with a contract."""
    try:
        model = onnx.load_model_from_string(content)
        metadata = {each.key: each.value for each in model.metadata_props}
        contract = Contract.from_json(metadata[METADATA_KEY], where="the file")
    except KeyError as missing:
        raise LabError(f"no model to quantise: the file has no {missing} in its metadata: export it again") from missing
    except Exception as trouble:  # protobuf raises a class of its own, the contract another
        reason = str(trouble).strip().splitlines()[0]
        raise LabError(f"no model to quantise: {reason}: export it again") from trouble
    return ModelFile(model, metadata, contract)


def in_8_bits(model: onnx.ModelProto, calibration: CalibrationDataReader, nodes: Sequence[str]) -> onnx.ModelProto:
    """`nodes`, by name, with the ranges of the calibration and a scale a channel; every LSTM with the ranges of each call.

    Weights have 7 bits: processors that add pairs of products in 16 bits (AVX2 without VNNI) would saturate with 8, and answer
    otherwise than others.
    """
    with tempfile.TemporaryDirectory() as folder, _without_a_word():
        path = Path(folder) / "quantised.onnx"
        quantize_static(
            model,
            path,
            calibration,
            nodes_to_quantize=list(nodes),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantize_dynamic(
            path, path, op_types_to_quantize=["LSTM"], per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )
        return onnx.load(path)


def written(model: onnx.ModelProto, metadata: Mapping[str, str], precision: str) -> bytes:
    """The file's bytes; its contract's name ends in the precision's."""
    contract = Contract.from_json(metadata[METADATA_KEY], where="the file")
    named = replace(contract, name=f"{contract.name}-{precision}")
    helper.set_model_props(model, {**metadata, METADATA_KEY: named.to_json()})
    del model.graph.value_info[:]  # the shapes that the quantiser inferred
    onnx.checker.check_model(model)
    assert model.ir_version <= NEWEST_IR_VERSION, f"IR version {model.ir_version}"
    content: bytes = model.SerializeToString(deterministic=True)
    return content


@contextmanager
def _without_a_word() -> Iterator[None]:
    """ONNX Runtime's quantiser warns, by the root logger, of what is meant so."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
