"""What a confidence is worth: the temperature that makes it honest, how far it is off, and what silence below some of it buys.

`probabilities` are (n, n_labels) of n answers, rows that sum to 1; `truth` (n,) the classes. The confidence of an answer is the
largest of its row, and the service answers where that is at least its `min_confidence`. Answers on whoever was trained on say
nothing here: give those of test parts, pooled over the folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import metrics
from models.lab.errors import LabError

Probabilities = NDArray[np.float64]
Truth = NDArray[np.int64]

LIMITS = (0.1, 10.0)
"""Of a temperature. What wants more is not miscalibrated but wrong."""
N_HALVINGS = 60
"""Of the interval that the temperature is sought in: more than a float64 can tell apart."""
THRESHOLDS = tuple(k / 20 for k in range(20))
FEWEST_ANSWERED = 0.5
"""Share of the answers that a threshold chosen for its gain must leave."""


def temperature(log_probabilities: Probabilities, truth: Truth) -> float:
    """By which to divide (n, n_labels) logits, or logs of probabilities, that the truth (n,) be likeliest. Within `LIMITS`.

    Guo et al. (2017). The log-likelihood is concave in 1 / temperature: its slope is halved down to its one zero. Raises
    LabError for no answer, another shape, a class that is none, and values that are not finite.
    """
    logs = _checked(log_probabilities, truth)
    at_truth = logs[np.arange(len(truth)), truth].mean()

    def falls(inverse: float) -> bool:
        """Whether the likelihood is falling there already."""
        return bool(np.sum(_softmax(inverse * logs) * logs, axis=1).mean() >= at_truth)

    low, high = np.log(1.0 / LIMITS[1]), np.log(1.0 / LIMITS[0])
    for _ in range(N_HALVINGS):
        middle = 0.5 * (low + high)
        if falls(float(np.exp(middle))):
            high = middle
        else:
            low = middle
    return float(np.clip(np.exp(-0.5 * (low + high)), *LIMITS))


def at_temperature(log_probabilities: Probabilities, by: float) -> Probabilities:
    """(n, n_labels) probabilities: the softmax of the logs divided by a temperature."""
    return _softmax(np.asarray(log_probabilities, np.float64) / by)


def calibrated_by_others(log_probabilities: Probabilities, truth: Truth, speakers: Sequence[str]) -> Probabilities:
    """(n, n_labels): each speaker's answers at the temperature of everybody else's, so that none helped to set their own.

    Raises LabError as `temperature`, and for fewer than two speakers.
    """
    logs, who = _checked(log_probabilities, truth), np.array(speakers)
    if who.shape != truth.shape or len(np.unique(who)) < 2:
        raise LabError(f"{len(set(speakers))} speakers of {len(who)} answers: want two at least, and {len(truth)} answers")
    honest = np.empty_like(logs)
    for speaker in np.unique(who):
        theirs = who == speaker
        honest[theirs] = at_temperature(logs[theirs], temperature(logs[~theirs], truth[~theirs]))
    return honest


@dataclass(frozen=True)
class Bin:
    """Answers of like confidence."""

    low: float
    high: float
    """Above `low`, up to and with `high`; the first bin has its `low`, too."""
    n: int
    confidence: float
    """Mean, 0 where there is no answer."""
    accuracy: float
    """Share that was right, 0 where there is no answer."""


def reliability(probabilities: Probabilities, truth: Truth, n_bins: int = 15) -> list[Bin]:
    """The answers in bins of equal width from 0 to 1. Raises LabError as `temperature`, and for what are no probabilities."""
    confidence, right = _judged(probabilities, truth)
    if n_bins < 1:
        raise LabError(f"{n_bins} bins: want one at least")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    which = np.maximum(np.searchsorted(edges, np.minimum(confidence, 1.0), side="left") - 1, 0)
    n = np.bincount(which, minlength=n_bins)
    means = (np.bincount(which, values, n_bins) / np.maximum(n, 1) for values in (confidence, right))
    rows = zip(edges[:-1], edges[1:], n, *means)
    return [Bin(float(low), float(high), int(k), float(said), float(was)) for low, high, k, said, was in rows]


def expected_calibration_error(probabilities: Probabilities, truth: Truth, n_bins: int = 15) -> float:
    """Mean over the answers of how far their bin's confidence is from its accuracy, 0 to 1. Raises LabError as `reliability`.

    Naeini et al. (2015). Few answers in many bins are off by chance alone: of a calibrated model's it is not 0.
    """
    bins = reliability(probabilities, truth, n_bins)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / len(truth)


@dataclass(frozen=True)
class Answered:
    """What is left when the less confident answers are not given."""

    threshold: float
    share: float
    """Of all answers, 0 to 1."""
    uar: float
    wa: float
    """In per cent, of the answered."""
    n_labels: int
    """How many labels the truth of the answered has: where one is no longer there, the UAR is of the rest."""


def coverage(probabilities: Probabilities, truth: Truth, thresholds: Sequence[float] = THRESHOLDS) -> list[Answered]:
    """One row a threshold that leaves an answer. Raises LabError as `reliability`."""
    confidence, _ = _judged(probabilities, truth)
    said, rows = probabilities.argmax(axis=1), []
    for threshold in thresholds:
        kept = confidence >= threshold
        if kept.any():
            matrix = metrics.confusion(truth[kept], said[kept], probabilities.shape[1])
            n_labels = len(np.unique(truth[kept]))
            rows.append(Answered(threshold, float(kept.mean()), metrics.uar(matrix), metrics.wa(matrix), n_labels))
    return rows


def threshold_for_gain(probabilities: Probabilities, truth: Truth, gain: float) -> float | None:
    """The least confidence, in hundredths, whose answered are right by `gain` points more often than all are.

    None where that would leave less than `FEWEST_ANSWERED`. Raises LabError as `reliability`.
    """
    rows = coverage(probabilities, truth, [k / 100 for k in range(101)])
    enough = (row for row in rows if row.wa >= rows[0].wa + gain and row.share >= FEWEST_ANSWERED)
    return next((row.threshold for row in enough), None)


def threshold_for_share(probabilities: Probabilities, truth: Truth, share: float) -> float:
    """The largest confidence, in hundredths, that leaves at least this share answered. Raises LabError as `reliability`."""
    if not 0.0 <= share <= 1.0:
        raise LabError(f"a share of {share}: want 0 to 1")
    rows = coverage(probabilities, truth, [k / 100 for k in range(101)])
    return max(row.threshold for row in rows if row.share >= share)


def _judged(probabilities: Probabilities, truth: Truth) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n,) confidences, and whether each answer was right."""
    values = _checked(probabilities, truth)
    if values.min() < 0.0 or np.abs(values.sum(axis=1) - 1.0).max() > 1e-3:
        raise LabError("want probabilities: rows of values from 0 that sum to 1")
    return values.max(axis=1), values.argmax(axis=1) == truth


def _checked(values: NDArray[np.floating[Any]], truth: Truth) -> NDArray[np.float64]:
    if values.ndim != 2 or truth.shape != values.shape[:1] or not len(truth):
        raise LabError(f"answers {values.shape} and truth {truth.shape}: want (n, n_labels) and (n,), one answer at least")
    if truth.min() < 0 or truth.max() >= values.shape[1]:
        raise LabError(f"classes from {truth.min()} to {truth.max()}: want 0 to {values.shape[1] - 1}")
    if not np.isfinite(values).all():
        raise LabError("an answer holds NaN or infinity: the log of a probability of 0 is none, raise it to a floor before")
    return values.astype(np.float64)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
