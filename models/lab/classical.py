"""What is no network: a decision tree, nearest neighbours and support vector machines over a table, a row an utterance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.functionals import functionals, masked_functionals
from dsp.params import PITCH, FrontEndParams
from models.lab.recipe import EGEMAPS, FUNCTIONALS, Recipe
from models.lab.versions import versions

Frames = NDArray[np.float32]

N_NEIGHBOURS = 4
"""Paper 5's."""
MOST_STEPS = 20_000
"""Of the linear SVM's solver."""

# scikit-learn is imported where something is fitted: what only asks for names does without


def row(frames: Frames, recipe: Recipe) -> NDArray[np.float64]:
    """(n_frames, n_features) -> (n_columns,): the recipe's statistics of the utterance, kind by kind.

    Mean and deviation are those that a network over a table makes (`networks/of_frames.py`). eGeMAPS is a row already.
    """
    if EGEMAPS in recipe.statistics:
        return np.asarray(frames[0], np.float64)
    columns = [_of_kind(frames, kind, name, recipe.front_end) for kind in recipe.front_end.kinds for name in recipe.statistics]
    return np.concatenate(columns).astype(np.float64)


def _of_kind(frames: Frames, kind: str, statistic: str, front_end: FrontEndParams) -> NDArray[np.floating]:
    values = frames[:, front_end.columns(kind)]
    if statistic == FUNCTIONALS and kind == PITCH:
        # where nothing is voiced there is no pitch, though its column holds a 0
        pitch_hz, strength = values[:, :1], values[:, 1:]
        voiced = pitch_hz[:, 0] > 0.0
        return np.concatenate([masked_functionals(pitch_hz, voiced).ravel(), functionals(strength).ravel()])
    if statistic == FUNCTIONALS:
        return functionals(values).ravel()
    exact = values.astype(np.float64)
    return np.asarray(exact.mean(axis=0) if statistic == "mean" else exact.std(axis=0))


def table(frames: Sequence[Frames], recipe: Recipe) -> NDArray[np.float64]:
    """One row an utterance."""
    return np.stack([row(each, recipe) for each in frames])


@dataclass(frozen=True)
class NoHistory:
    """Of a fit without epochs."""

    losses: Sequence[float] = ()
    validation_losses: Sequence[float] = ()


@dataclass(frozen=True)
class FittedTable:
    """What `fit` made of a training part."""

    recipe: Recipe
    scaler: Any
    """Standardises the columns by the training part."""
    model: Any
    n_parameters: int
    """Nodes of the tree, values stored by the neighbours, coefficients of the machines (with the vectors they stand for)."""
    seconds: float
    """Spent in fitting."""
    versions: Mapping[str, str]
    history: NoHistory = NoHistory()
    loss: None = None
    """There are no epochs to have one."""

    def classes(self, frames: Sequence[Frames]) -> NDArray[np.int64]:
        """(n_utterances,) what is said of each."""
        return np.asarray(self.model.predict(self.scaler.transform(table(frames, self.recipe))), np.int64)


def fit(recipe: Recipe, frames: Sequence[Frames], truth: NDArray[np.int64], seed: int) -> FittedTable:
    """Scaler and model of these utterances and of nothing else. `seed`: for what draws. Needs scikit-learn."""
    from sklearn.preprocessing import StandardScaler

    rows = table(frames, recipe)
    started = time.perf_counter()
    scaler = StandardScaler().fit(rows)
    model = _model(recipe, truth, seed).fit(scaler.transform(rows), truth)
    seconds = time.perf_counter() - started
    return FittedTable(recipe, scaler, model, _n_parameters(recipe, model, rows.size), seconds, versions("scikit-learn"))


def _model(recipe: Recipe, truth: NDArray[np.int64], seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    if recipe.network == "decision_tree":
        return DecisionTreeClassifier(criterion="gini", random_state=seed)
    if recipe.network == "knn":
        return KNeighborsClassifier(N_NEIGHBOURS)
    weights = _label_weights(truth, recipe.label_weight)
    if recipe.network == "svm":
        return LinearSVC(C=recipe.svm_c, class_weight=weights, dual=True, max_iter=MOST_STEPS, random_state=seed)
    assert recipe.network == "svm_rbf", recipe.network
    return SVC(C=recipe.svm_c, class_weight=weights, kernel="rbf", gamma="scale")


def _label_weights(truth: NDArray[np.int64], exponent: float) -> dict[int, float]:
    # as `optimise.label_weights`, which needs torch
    present, counts = np.unique(truth, return_counts=True)
    return {int(k): float((len(truth) / (len(present) * n)) ** exponent) for k, n in zip(present, counts)}


def _n_parameters(recipe: Recipe, model: Any, n_table: int) -> int:
    if recipe.network == "decision_tree":
        return int(model.tree_.node_count)
    if recipe.network == "knn":
        return n_table
    if recipe.network == "svm":
        return int(model.coef_.size + model.intercept_.size)
    return int(model.support_vectors_.size + model.dual_coef_.size + model.intercept_.size)
