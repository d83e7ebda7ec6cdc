"""A recipe: one TOML file that says how a network is trained. Unknown keys are refused."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError
from dsp.params import FrontEndParams
from models.lab.corpora import CORPORA, Corpus, Utterance
from models.lab.errors import LabError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "recipes"
NETWORKS = ("cl",)
"""What `fit.build` can build."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on, but for its seed and its fold."""

    name: str
    corpus: Corpus
    network: str
    front_end: FrontEndParams
    window_frames: int
    stride_frames: int
    """Between the test windows of one utterance; in training one window is drawn at random each epoch."""
    epochs: int
    batch: int
    learning_rate: float
    dropout: float
    trim_db: float
    """Utterances are trimmed to the frames within this many dB of their loudest, as the speech gate would."""
    bf16: bool
    """Mixed precision in training, where the processor has it."""
    source: str
    """Where the recipe comes from and where it differs."""

    @property
    def labels(self) -> list[str]:
        """What the network tells apart, in the order of its logits."""
        return sorted(self.corpus.n_by_label)

    def classes(self, utterances: Sequence[Utterance]) -> NDArray[np.int64]:
        """(n_utterances,) the place of each one's label among `labels`."""
        return np.array([self.labels.index(utterance.label) for utterance in utterances], np.int64)

    def as_dict(self) -> dict[str, Any]:
        """All values, ready for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "corpus": self.corpus.name, "front_end": self.front_end.as_dict()}


def names() -> list[str]:
    """The recipes at hand."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """The recipe of that name. Raises LabError for an unknown one, or for one that holds nonsense."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise LabError(f"no recipe {name!r}: known are {', '.join(names())}")
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as trouble:
        raise LabError(f"{path}: {trouble}") from trouble
    return _checked(path, values)


def _checked(path: Path, values: dict[str, Any]) -> Recipe:
    wanted = {field.name: field.type for field in fields(Recipe) if field.name != "name"}
    for key in values:
        if key not in wanted:
            near = difflib.get_close_matches(key, wanted, n=1)
            raise LabError(f"{path}: unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    missing = sorted(set(wanted) - set(values))
    if missing:
        raise LabError(f"{path}: lacks {', '.join(missing)}")
    if values["corpus"] not in CORPORA:
        raise LabError(f"{path}: unknown corpus {values['corpus']!r}: known are {', '.join(CORPORA)}")
    _require_types_and_ranges(path, values, wanted)
    try:
        front_end = FrontEndParams.from_dict(values["front_end"])
    except ParamError as trouble:
        raise LabError(f"{path}: {trouble}") from trouble
    return Recipe(**{**values, "name": path.stem, "corpus": CORPORA[values["corpus"]], "front_end": front_end})


def _require_types_and_ranges(path: Path, values: dict[str, Any], types: dict[str, Any]) -> None:
    allowed = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    for key, value in values.items():
        want = allowed.get(str(types[key]))
        if want is not None and (not isinstance(value, want) or (isinstance(value, bool) and bool not in want)):
            raise LabError(f"{path}: {key} is {value!r}: want a value of type {types[key]}")
    for key in ("window_frames", "stride_frames", "epochs", "batch", "learning_rate", "trim_db"):
        if not values[key] > 0:
            raise LabError(f"{path}: {key} is {values[key]}: want a value above zero")
    if not 0 <= values["dropout"] < 1:
        raise LabError(f"{path}: dropout is {values['dropout']}: want 0 <= value < 1")
    if values["network"] not in NETWORKS:
        raise LabError(f"{path}: unknown network {values['network']!r}: known are {', '.join(NETWORKS)}")
