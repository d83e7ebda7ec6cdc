"""Scores from a confusion matrix. UAR is the headline."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import NDArray


def confusion(truth: NDArray[np.int64], said: NDArray[np.int64], n_labels: int) -> NDArray[np.int64]:
    """Counts (n_labels, n_labels): a row is what was true, a column what was said."""
    return np.bincount(truth * n_labels + said, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def uar(matrix: NDArray[np.int64]) -> float:
    """Unweighted average recall in per cent: the mean of the recalls of the labels that occur."""
    occurs = matrix.sum(axis=1) > 0
    return float(100.0 * np.mean(np.diag(matrix)[occurs] / matrix.sum(axis=1)[occurs]))


def wa(matrix: NDArray[np.int64]) -> float:
    """Weighted accuracy in per cent: how many were right."""
    return float(100.0 * np.trace(matrix) / matrix.sum())


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Mean over the labels that occur of 2 hits / (true + said), in per cent."""
    occurs = matrix.sum(axis=1) > 0
    both = matrix.sum(axis=1) + matrix.sum(axis=0)
    return float(100.0 * np.mean(2.0 * np.diag(matrix)[occurs] / both[occurs]))


def by_label(matrix: NDArray[np.int64], labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each label, in per cent; 0 where nothing was said or true."""
    hits, true, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    scores = {
        "precision": hits / np.maximum(said, 1),
        "recall": hits / np.maximum(true, 1),
        "f1": 2.0 * hits / np.maximum(true + said, 1),
    }
    return {label: {name: float(100.0 * values[k]) for name, values in scores.items()} for k, label in enumerate(labels)}
