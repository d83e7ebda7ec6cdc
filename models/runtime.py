"""A model that answers: ONNX Runtime behind `EmotionModel.predict`."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from models.contract import METADATA_KEY, Contract
from models.errors import ContractMismatch, ModelError
from models.registry import Artefact, load

# from 1.29 on, ONNX Runtime tells its maker of every session, the model's name and hash included, unless this is set before it
# is imported; nothing leaves the device without an explicit setting
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

PROVIDERS = ("CPUExecutionProvider",)


class EmotionModel:
    """One model file, loaded, checked against its own contract by a first inference, and ready."""

    def __init__(self, artefact: Artefact) -> None:
        """Raises ModelError for a file that is no ONNX model, ContractMismatch for one that breaks its promises."""
        self.sha256 = artefact.sha256
        self._session = _session(artefact)
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ContractMismatch(
                f"model {artefact.path} has no {METADATA_KEY!r} in its metadata: export it with `affectd-lab export`"
            )
        self.contract = Contract.from_json(metadata[METADATA_KEY], where=str(artefact.path))
        self._columns = {put.name: self.contract.front_end.columns(put.name) for put in self._checked_inputs(artefact)}
        # the first inference allocates and proves the output's shape; no window of sound waits for it
        self.predict(np.zeros((1, *self.contract.window_shape), np.float32))

    @classmethod
    def open(cls, name_or_path: str) -> EmotionModel:
        """The model of that name or path; see `models.registry.load` for the errors."""
        return cls(load(name_or_path))

    @property
    def identity(self) -> dict[str, str]:
        """What messages say of the model: its name and its file's sha256."""
        return {"name": self.contract.name, "sha256": self.sha256}

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of windows (batch, window_frames, n_features) float32: (batch, n_labels), each row's sum 1.

        Raises ContractMismatch for another shape or dtype: nothing is reshaped to fit.
        """
        wants = self.contract.window_shape
        if windows.shape[1:] != wants or windows.dtype != np.float32:
            raise ContractMismatch(
                f"model {self.contract.name!r} wants windows {wants} float32, got {windows.shape} {windows.dtype}"
            )
        feed = {name: np.ascontiguousarray(windows[:, :, columns]) for name, columns in self._columns.items()}
        logits = self._session.run(None, feed)[0]
        if logits.shape != (len(windows), len(self.contract.labels)):
            raise ContractMismatch(
                f"model {self.contract.name!r} answers {logits.shape[1:]} values a window, "
                f"its contract names {len(self.contract.labels)} labels: export it again"
            )
        return _softmax(logits.astype(np.float64) / self.contract.temperature)

    def _checked_inputs(self, artefact: Artefact) -> list[onnxruntime.NodeArg]:
        inputs: list[onnxruntime.NodeArg] = self._session.get_inputs()
        front_end = self.contract.front_end
        for put in inputs:
            promised = [self.contract.window_frames, front_end.width(put.name)] if put.name in front_end.kinds else None
            if put.shape[1:] != promised:
                raise ContractMismatch(
                    f"model {artefact.path} wants the input {put.name!r} {put.shape[1:]}, its contract promises "
                    f"{promised if promised else ', '.join(front_end.kinds)}: export it again"
                )
        return inputs


def _session(artefact: Artefact) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # one stream of small windows: more threads cost more than they give, and spinning ones eat a core
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(artefact.content, options, providers=list(PROVIDERS))
    except Exception as trouble:  # ONNX Runtime raises a dozen unrelated classes; the text alone tells them apart
        reason = str(trouble).strip().splitlines()[0]
        raise ModelError(f"model {artefact.path} is not a model that ONNX Runtime can load: {reason}") from trouble


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
