"""How a model file was made: in the file's own metadata, beside its contract, so that a card can be written from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Mapping

import onnx

from models.contract import METADATA_KEY, Contract
from models.lab.errors import LabError

MADE_KEY = "affectd.made"


@dataclass(frozen=True)
class Made:
    """One training on a whole corpus."""

    recipe: str
    seed: int
    network: str
    """What it is, in one line."""
    n_parameters: int
    loss: float
    """Mean of the last epoch."""
    versions: Mapping[str, str]
    """Of what it was trained with."""

    def to_json(self) -> str:
        """The metadata text."""
        return json.dumps(asdict(self), sort_keys=True)


def says_how_made(content: bytes) -> bool:
    """Whether a model file's bytes do: older ones do not."""
    return MADE_KEY in _metadata(content)


def read(content: bytes, where: str) -> tuple[Contract, Made]:
    """What a model file's bytes promise, and how they came to be. Raises LabError for a file that does not say."""
    metadata = _metadata(content)
    if METADATA_KEY not in metadata or MADE_KEY not in metadata:
        raise LabError(f"{where}: does not say how it was made: export it again")
    return Contract.from_json(metadata[METADATA_KEY], where), Made(**json.loads(metadata[MADE_KEY]))


def _metadata(content: bytes) -> dict[str, str]:
    return {each.key: each.value for each in onnx.load_model_from_string(content).metadata_props}
