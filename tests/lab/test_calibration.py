"""A temperature is found, a confidence is judged, and silence is bought at its price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.lab.calibration import (
    FEWEST_ANSWERED,
    LIMITS,
    Probabilities,
    Truth,
    at_temperature,
    calibrated_by_others,
    coverage,
    expected_calibration_error,
    reliability,
    temperature,
    threshold_for_gain,
    threshold_for_share,
)
from models.lab.calibration_picture import draw_calibration
from models.lab.errors import LabError
from tests.lab.tiny_report import assert_sane

seeds = st.integers(0, 2**32 - 1)


def honest(n: int, n_labels: int, seed: int, sharpness: float = 1.5) -> tuple[NDArray[np.float64], Truth]:
    """Logits, and a truth that is drawn from their very softmax."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.standard_normal((n, n_labels))
    below = np.cumsum(at_temperature(logits, 1.0), axis=1)
    return logits, np.minimum((rng.random((n, 1)) > below).sum(axis=1), n_labels - 1).astype(np.int64)


def likelihood(logits: NDArray[np.float64], truth: Truth, by: float) -> float:
    return float(np.log(at_temperature(logits, by)[np.arange(len(truth)), truth]).mean())


def logs(probabilities: Probabilities) -> NDArray[np.float64]:
    return np.asarray(np.log(probabilities), np.float64)


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(30, 200), n_labels=st.integers(2, 9))
def test_no_other_temperature_makes_the_truth_likelier(seed: int, n: int, n_labels: int) -> None:
    logits, truth = honest(n, n_labels, seed)
    best = temperature(logits, truth)
    assert LIMITS[0] <= best <= LIMITS[1]
    others = np.geomspace(*LIMITS, 50)
    assert likelihood(logits, truth, best) >= max(likelihood(logits, truth, by) for by in others) - 1e-9


@settings(max_examples=30)
@given(seed=seeds, times=st.floats(0.3, 3.0))
def test_logits_times_so_much_want_a_temperature_times_so_much(seed: int, times: float) -> None:
    logits, truth = honest(400, 5, seed)
    assert temperature(times * logits, truth) == pytest.approx(times * temperature(logits, truth), rel=1e-6)


@settings(max_examples=20)
@given(seed=seeds, n_labels=st.integers(2, 9))
def test_logits_and_logs_of_their_probabilities_are_one(seed: int, n_labels: int) -> None:
    logits, truth = honest(100, n_labels, seed)
    of_logs = temperature(logs(at_temperature(logits, 1.0)), truth)
    assert of_logs == pytest.approx(temperature(logits, truth), rel=1e-6)


def test_honest_answers_want_none_and_are_hardly_off() -> None:
    logits, truth = honest(40000, 7, seed=1)
    assert temperature(logits, truth) == pytest.approx(1.0, abs=0.02)
    assert expected_calibration_error(at_temperature(logits, 1.0), truth) < 0.01
    assert expected_calibration_error(at_temperature(logits, 0.5), truth) > 0.1


def test_who_is_always_right_or_never_is_held_at_a_limit() -> None:
    truth = np.array([0, 1, 1])
    logits = np.eye(2)[truth]
    assert temperature(logits, truth) == pytest.approx(LIMITS[0])
    assert temperature(logits, 1 - truth) == pytest.approx(LIMITS[1])


def test_whose_temperature_was_set_had_no_part_in_it() -> None:
    logits, truth = honest(300, 4, seed=3)
    speakers = np.repeat(["a", "b", "c"], 100)
    answers = calibrated_by_others(logits, truth, list(speakers))
    hers = speakers == "b"
    np.testing.assert_allclose(answers[hers], at_temperature(logits[hers], temperature(logits[~hers], truth[~hers])))
    # what she said, and whether it was right, changes nobody's own but the others'
    changed = np.where(hers, (truth + 1) % 4, truth)
    again = calibrated_by_others(logits, changed, list(speakers))
    np.testing.assert_array_equal(again[hers], answers[hers])
    assert not np.allclose(again[~hers], answers[~hers])


PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55], [1.0, 0.0]])
TRUTH = np.array([0, 1, 1, 0, 0])
"""Right at 1, 0.9 and 0.7, wrong at 0.8 and 0.55."""


def test_bins_and_their_error_by_hand() -> None:
    bins = reliability(PROBABILITIES, TRUTH, n_bins=5)
    assert [each.n for each in bins] == [0, 0, 1, 2, 2]
    assert [each.confidence for each in bins] == pytest.approx([0.0, 0.0, 0.55, 0.75, 0.95])
    assert [each.accuracy for each in bins] == pytest.approx([0.0, 0.0, 0.0, 0.5, 1.0])
    off = (1 * 0.55 + 2 * 0.25 + 2 * 0.05) / 5
    assert expected_calibration_error(PROBABILITIES, TRUTH, n_bins=5) == pytest.approx(off)


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(1, 300), n_labels=st.integers(2, 9), n_bins=st.integers(1, 30))
def test_every_answer_is_in_one_bin(seed: int, n: int, n_labels: int, n_bins: int) -> None:
    logits, truth = honest(n, n_labels, seed)
    probabilities = at_temperature(logits, 1.0)
    bins = reliability(probabilities, truth, n_bins)
    assert sum(each.n for each in bins) == n
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)
    assert all(each.low <= each.confidence <= each.high for each in bins if each.n)
    right = (probabilities.argmax(axis=1) == truth).sum()
    assert sum(each.n * each.accuracy for each in bins) == pytest.approx(right)


def test_coverage_by_hand() -> None:
    rows = coverage(PROBABILITIES, TRUTH, [0.0, 0.6, 0.85, 1.0])
    assert [row.share for row in rows] == pytest.approx([1.0, 0.8, 0.4, 0.2])
    assert [row.wa for row in rows] == pytest.approx([60.0, 75.0, 100.0, 100.0])
    # of label 0 the recalls are 2 of 3, 2 of 2, ...; of label 1 they are 1 of 2, 1 of 2, and then it is gone
    assert [row.uar for row in rows] == pytest.approx([100 * (2 / 3 + 1 / 2) / 2, 75.0, 100.0, 100.0])
    assert [row.n_labels for row in rows] == [2, 2, 1, 1]


def test_a_threshold_above_every_confidence_has_no_row() -> None:
    assert [row.threshold for row in coverage(PROBABILITIES[:2], TRUTH[:2], [0.5, 0.85, 0.95])] == [0.5, 0.85]


@settings(max_examples=20)
@given(seed=seeds)
def test_coverage_falls_and_begins_with_all(seed: int) -> None:
    logits, truth = honest(200, 5, seed)
    rows = coverage(at_temperature(logits, 1.0), truth)
    shares = [row.share for row in rows]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)


@settings(max_examples=20)
@given(seed=seeds, gain=st.floats(0.0, 15.0))
def test_a_threshold_for_a_gain_is_the_least_that_has_it(seed: int, gain: float) -> None:
    logits, truth = honest(500, 4, seed)
    probabilities = at_temperature(logits, 1.0)
    rows = coverage(probabilities, truth, [k / 100 for k in range(101)])
    reached = [row for row in rows if row.wa >= rows[0].wa + gain and row.share >= FEWEST_ANSWERED]
    found = threshold_for_gain(probabilities, truth, gain)
    assert found == (min(row.threshold for row in reached) if reached else None)


def test_a_gain_that_nobody_has_is_none() -> None:
    logits, truth = honest(500, 4, seed=5)
    assert threshold_for_gain(at_temperature(logits, 1.0), truth, 90.0) is None


@settings(max_examples=20)
@given(seed=seeds, share=st.floats(0.05, 1.0))
def test_a_threshold_for_a_share_leaves_it_and_a_hundredth_more_does_not(seed: int, share: float) -> None:
    logits, truth = honest(500, 4, seed)
    probabilities = at_temperature(logits, 1.0)
    threshold = threshold_for_share(probabilities, truth, share)
    confidence = probabilities.max(axis=1)
    assert (confidence >= threshold).mean() >= share
    assert threshold == 1.0 or (confidence >= threshold + 0.0101).mean() < share


@pytest.mark.parametrize(
    ("logits", "truth", "says"),
    [
        (np.zeros((0, 3)), np.zeros(0, np.int64), "one answer at least"),
        (np.zeros((2, 3)), np.zeros(3, np.int64), r"want \(n, n_labels\) and \(n,\)"),
        (np.zeros(3), np.zeros(3, np.int64), r"want \(n, n_labels\)"),
        (np.zeros((2, 3)), np.array([0, 3]), "want 0 to 2"),
        (np.array([[0.0, -np.inf]]), np.array([0]), "NaN or infinity"),
    ],
)
def test_what_are_no_answers_is_refused(logits: NDArray[np.float64], truth: Truth, says: str) -> None:
    with pytest.raises(LabError, match=says):
        temperature(logits, truth)


def test_what_are_no_probabilities_and_no_bins_and_one_speaker_are_refused() -> None:
    with pytest.raises(LabError, match="want probabilities"):
        reliability(np.log(PROBABILITIES + 0.01), TRUTH)
    with pytest.raises(LabError, match="one at least"):
        reliability(PROBABILITIES, TRUTH, n_bins=0)
    with pytest.raises(LabError, match="want 0 to 1"):
        threshold_for_share(PROBABILITIES, TRUTH, 1.5)
    with pytest.raises(LabError, match="1 speakers of 5 answers"):
        calibrated_by_others(PROBABILITIES, TRUTH, ["a"] * 5)


def test_the_picture_is_one_and_the_same_twice(tmp_path: Path) -> None:
    logits, truth = honest(300, 5, seed=7)
    shown = {"before": at_temperature(logits, 0.5), "after": at_temperature(logits, 1.0)}
    for name in ("once", "again"):
        draw_calibration("a model", shown, truth, tmp_path / f"{name}.png")
    assert_sane(tmp_path / "once.png")
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "again.png").read_bytes()
