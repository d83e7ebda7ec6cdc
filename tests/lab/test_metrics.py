"""Scores of a confusion matrix that was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.lab import metrics

#                    said a  b  c
MATRIX = np.array([[8, 2, 0], [1, 1, 0], [2, 0, 6]], np.int64)


def test_confusion_counts_true_rows_and_said_columns() -> None:
    truth = np.array([0, 0, 1, 2, 2, 2])
    said = np.array([0, 1, 1, 2, 2, 0])
    np.testing.assert_array_equal(metrics.confusion(truth, said, 3), [[1, 1, 0], [0, 1, 0], [1, 0, 2]])


def test_uar_is_the_mean_recall() -> None:
    assert metrics.uar(MATRIX) == pytest.approx(100 * (0.8 + 0.5 + 0.75) / 3)


def test_wa_is_what_was_right() -> None:
    assert metrics.wa(MATRIX) == pytest.approx(100 * 15 / 20)


def test_macro_f1() -> None:
    # 2 hits / (true + said): 16 / 21, 2 / 5, 12 / 14
    assert metrics.macro_f1(MATRIX) == pytest.approx(100 * (16 / 21 + 2 / 5 + 12 / 14) / 3)


def test_a_label_that_does_not_occur_does_not_count() -> None:
    matrix = np.array([[3, 1], [0, 0]], np.int64)
    assert metrics.uar(matrix) == pytest.approx(75.0)
    assert metrics.macro_f1(matrix) == pytest.approx(100 * 6 / 7)


def test_by_label() -> None:
    scores = metrics.by_label(MATRIX, ["a", "b", "c"])
    assert scores["a"] == pytest.approx({"precision": 100 * 8 / 11, "recall": 80.0, "f1": 100 * 16 / 21})
    assert scores["c"]["precision"] == pytest.approx(100.0)


def test_a_label_never_said_has_precision_zero() -> None:
    scores = metrics.by_label(np.array([[2, 0], [1, 0]], np.int64), ["a", "b"])
    assert scores["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
