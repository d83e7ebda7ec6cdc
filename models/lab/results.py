"""What a run scored: one JSON file a run, and the scores pooled over the runs of a protocol."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.params import FrontEndParams
from models.lab import metrics
from models.lab.errors import LabError
from models.lab.recipe import Augmentation, Recipe

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Run:
    """One training and its test: a fold of a protocol with one seed."""

    recipe: Recipe
    protocol: str
    seed: int
    fold: str

    @property
    def name(self) -> str:
        """What the run is called on stderr and in file names."""
        return f"{self.protocol}-seed{self.seed}-{self.fold}"

    def path(self, results: Path) -> Path:
        """Where its result stands."""
        return results / self.recipe.name / f"{self.name}.json"


@dataclass(frozen=True)
class Result:
    """Everything that is kept of a run."""

    recipe: dict[str, Any]
    corpus: str
    protocol: str
    seed: int
    fold: str
    versions: dict[str, str]
    n_parameters: int
    n_train: int
    n_test: int
    epochs: int
    training_loss: float | None
    """Mean of the last epoch; None for what is no network."""
    seconds: float
    """Of the training, without the pauses of a run that was resumed."""
    labels: list[str]
    confusion: list[list[int]]
    """A row is what was true, a column what was said, both in the order of `labels`."""
    losses: list[float] = field(default_factory=list)
    """Mean of each epoch on the training part; empty in results older than the field."""
    validation_losses: list[float] = field(default_factory=list)
    """After each epoch on the validation part, if there was one."""
    conditions: dict[str, list[list[int]]] = field(default_factory=dict)
    """Further confusions of the same network and test part, such as after a seat has heard its speaker; see `affectnet/`."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """By condition, each answer as `Answers.lines` writes it; of AffectNet alone, whose confidence is published."""

    @property
    def leaky(self) -> bool:
        """Whether copies of one recording may be on both sides of the split: then the score says nothing of a new one."""
        return bool(self.recipe.get("copies_before_split", False))

    @property
    def matrix(self) -> NDArray[np.int64]:
        """`confusion` as (n_labels, n_labels)."""
        return np.array(self.confusion, np.int64)

    def to_json(self) -> str:
        """The fields, and what follows from them: the scores, and what they are worth."""
        follows = {"leaky": self.leaky, **_scores(self.matrix, self.labels)}
        values = {name: value for name, value in asdict(self).items() if value or name not in ("conditions", "answers")}
        return json.dumps({**values, **follows}, indent=1, sort_keys=True) + "\n"


def _scores(matrix: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    return {
        "uar": metrics.uar(matrix),
        "wa": metrics.wa(matrix),
        "macro_f1": metrics.macro_f1(matrix),
        "by_label": metrics.by_label(matrix, labels),
    }


def write(run: Run, result: Result, results: Path) -> None:
    """Put the result in its place, whole or not at all. Raises LabError where that cannot be done."""
    path = run.path(results)
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(result.to_json())
        os.replace(partial, path)
    except OSError as trouble:
        with suppress(OSError):
            partial.unlink()
        raise LabError(
            f"{path}: the result cannot be written ({trouble.strerror}); make room and run this again: the training is kept"
        ) from trouble


def read(run: Run, results: Path) -> Result | None:
    """The run's result, None if there is none. Raises LabError if it cannot be read, or the recipe was another then."""
    path = run.path(results)
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text())
        result = Result(**{name: values[name] for name in Result.__dataclass_fields__ if name in values})
        _check(result)
    except (ValueError, TypeError) as trouble:
        raise LabError(f"{path}: is not the result of a run ({trouble}): delete it to run it again") from trouble
    changed = differing(result.recipe, run.recipe.as_dict())
    if changed:
        raise LabError(
            f"{path}: the recipe {run.recipe.name} has changed since ({', '.join(changed)}): delete it to run it again"
        )
    return result


def _check(result: Result) -> None:
    shape = len(result.labels), len(result.labels)
    if result.matrix.shape != shape or result.matrix.min(initial=0) < 0 or not result.matrix.any():
        raise ValueError(f"confusion: want counts {shape}, at least one above zero")


def differing(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The keys in which two recipes differ; what a recipe says of its source trains nothing."""
    then, now = _filled(then), _filled(now)
    return sorted(key for key in {*then, *now} - {"source"} if then.get(key) != now.get(key))


def _filled(recipe: dict[str, Any]) -> dict[str, Any]:
    # a parameter that an older result does not know had its default's effect then
    defaults = {each.name: each.default for each in fields(Recipe) if each.default is not MISSING}
    as_in_json = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    nested = {
        "front_end": {**FrontEndParams().as_dict(), **recipe.get("front_end", {})},
        "augment": {**asdict(Augmentation()), **recipe.get("augment", {})},
    }
    return {**as_in_json, **recipe, **nested}


def by_condition(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Each condition that all of these were also tested under, and the results under it; few utterances come first."""
    shared = set.intersection(*(set(each.conditions) for each in results)) if results else set()
    in_order = sorted(shared, key=lambda name: ([int(n) for n in re.findall(r"\d+", name)] or [10**6], name))
    return {name: [replace(each, confusion=each.conditions[name], conditions={}) for each in results] for name in in_order}


def pooled(results: Sequence[Result]) -> NDArray[np.int64]:
    """One confusion matrix over the test utterances of all results: a small fold counts as little as it holds."""
    return np.asarray(np.sum([result.matrix for result in results], axis=0), np.int64)
