"""What models of every form are made of: a file that ONNX Runtime has open, and the contract in it."""

from __future__ import annotations

import os
from typing import Any, Callable, ClassVar, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

from models.contract import METADATA_KEY, Contract
from models.errors import ContractMismatch, ModelError
from models.providers import CPU, Inference, Placement, placement
from models.registry import Artefact

# from 1.29 on, ONNX Runtime tells its maker of every session, the model's name and hash included, unless this is set before it
# is imported; nothing leaves the device without an explicit setting
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

MakeSession = Callable[..., Any]
MAKE_SESSION: MakeSession = onnxruntime.InferenceSession
"""Or what stands for it where there is no such hardware."""


class Opened(NamedTuple):
    """A file that was read."""

    session: onnxruntime.InferenceSession
    contract: Contract


def open_file(artefact: Artefact, place: Placement | None = None, make: MakeSession = MAKE_SESSION) -> Opened:
    """`place`: None: the CPU. Raises ModelError for a file that is no ONNX model, or that cannot run there, ContractMismatch
    for one without a contract, or with a broken one.
    """
    session = _session(artefact, place or placement(CPU), make)
    metadata = session.get_modelmeta().custom_metadata_map
    if METADATA_KEY not in metadata:
        raise ContractMismatch(
            f"model {artefact.path} has no {METADATA_KEY!r} in its metadata: export it with `affectd-lab export`"
        )
    return Opened(session, Contract.from_json(metadata[METADATA_KEY], where=str(artefact.path)))


class OnnxModel:
    """One model file: what does not depend on how the model is asked."""

    form: ClassVar[str]
    """The one of `models.contract.FORMS` that the class can ask."""

    def __init__(self, artefact: Artefact, opened: Opened | None = None) -> None:
        """`opened`: the file, where it is open already. Raises as `open_file`, and ContractMismatch for another form."""
        self.sha256 = artefact.sha256
        self.inference = Inference()
        self._session, self.contract = opened or open_file(artefact)
        if self.contract.form != self.form:
            raise ContractMismatch(f"model {artefact.path} is one of the form {self.contract.form!r}, wanted is {self.form!r}")

    @property
    def identity(self) -> dict[str, str]:
        """What messages say of the model: its name and its file's sha256."""
        return {"name": self.contract.name, "sha256": self.sha256}

    def _probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, n_labels) -> the same: each row's sum is 1."""
        softened = logits.astype(np.float64) / self.contract.temperature
        powers = np.exp(softened - softened.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def available() -> tuple[Sequence[str], str]:
    """The providers that this ONNX Runtime was built with, which says nothing of what works, and its version."""
    return onnxruntime.get_available_providers(), onnxruntime.__version__


def _session(artefact: Artefact, place: Placement, make: MakeSession) -> Any:
    options = onnxruntime.SessionOptions()
    # one stream of small inputs: more threads cost more than they give, and spinning ones eat a core
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # what cannot run where it is wanted is not to run elsewhere in silence, nor to say so on stdout
        session = make(artefact.content, options, providers=place, enable_fallback=0)
    except Exception as trouble:  # ONNX Runtime raises a dozen unrelated classes; the text alone tells them apart
        raise ModelError(f"model {artefact.path} is not a model that ONNX Runtime can load: {first_line(trouble)}") from trouble
    if session.get_providers()[0] != place[0][0]:
        raise ModelError(f"model {artefact.path} cannot be loaded on {place[0][0]}: a library of NVIDIA's may be missing")
    return session


def first_line(trouble: Exception) -> str:
    """Of what ONNX Runtime says, which may be a page."""
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0]
