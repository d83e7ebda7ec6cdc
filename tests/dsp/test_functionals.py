"""Functionals beside NumPy and SciPy, and their behaviour under shifts, scales and masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.errors import ShapeError
from dsp.functionals import FUNCTIONALS, PERCENTILES, functionals, masked_functionals
from tests.dsp.signals import needs_peers

AT = {name: k for k, name in enumerate(FUNCTIONALS)}
SHIFTED = ("mean", *(f"percentile_{p}" for p in PERCENTILES))


def contours(n_frames: int, n_contours: int, seed: int) -> NDArray[np.float32]:
    steps = np.random.default_rng(seed).standard_normal((n_frames, n_contours))
    return (steps.cumsum(axis=0) + 3.0).astype(np.float32)


def test_against_numpy() -> None:
    values = contours(57, 4, seed=1)
    got = functionals(values)
    assert got.shape == (4, len(FUNCTIONALS))
    assert got.dtype == np.float32
    exact = values.astype(np.float64)
    np.testing.assert_allclose(got[:, AT["mean"]], exact.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(got[:, AT["deviation"]], exact.std(axis=0), rtol=1e-6)
    for percent in PERCENTILES:
        np.testing.assert_allclose(got[:, AT[f"percentile_{percent}"]], np.percentile(exact, percent, axis=0), rtol=1e-6)
    p5, p25, p75, p95 = np.percentile(exact, (5, 25, 75, 95), axis=0)
    np.testing.assert_allclose(got[:, AT["range_5_95"]], p95 - p5, rtol=1e-5)
    np.testing.assert_allclose(got[:, AT["range_25_75"]], p75 - p25, rtol=1e-5)
    np.testing.assert_allclose(got[:, AT["slope"]], np.polyfit(np.arange(57), exact, 1)[0], rtol=1e-5)
    np.testing.assert_allclose(got[:, AT["mean_abs_change"]], np.abs(np.diff(exact, axis=0)).mean(axis=0), rtol=1e-6)


@needs_peers
def test_skewness_is_scipys() -> None:
    import scipy.stats

    values = contours(200, 3, seed=2) ** 2
    np.testing.assert_allclose(
        functionals(values)[:, AT["skewness"]], scipy.stats.skew(values.astype(float), axis=0), rtol=1e-4
    )


@settings(max_examples=50)
@given(seed=st.integers(0, 1000), shift=st.floats(-100, 100), scale=st.floats(0.01, 100), n=st.integers(2, 60))
def test_a_shift_moves_levels_and_a_scale_stretches_all_but_the_skewness(seed: int, shift: float, scale: float, n: int) -> None:
    values = contours(n, 2, seed).astype(np.float64)
    plain = functionals(values.astype(np.float32)).astype(np.float64)
    moved = functionals((values * scale + shift).astype(np.float32))
    wanted = plain * scale
    wanted[:, [AT[name] for name in SHIFTED]] += shift
    wanted[:, AT["skewness"]] = plain[:, AT["skewness"]]
    tolerance = 1e-4 * (abs(shift) + scale * np.abs(values).max())
    np.testing.assert_allclose(np.delete(moved, AT["skewness"], 1), np.delete(wanted, AT["skewness"], 1), atol=tolerance)


@pytest.mark.parametrize("n_frames", [1, 2, 10])
def test_a_constant_contour_has_a_level_and_nothing_else(n_frames: int) -> None:
    got = functionals(np.full((n_frames, 1), 7.25, np.float32))[0]
    for name, value in zip(FUNCTIONALS, got):
        assert value == (7.25 if name in SHIFTED else 0.0), name


def test_backwards_in_time_only_the_slope_turns() -> None:
    values = contours(40, 3, seed=5)
    forwards, backwards = functionals(values), functionals(values[::-1].copy())
    np.testing.assert_allclose(backwards[:, AT["slope"]], -forwards[:, AT["slope"]], rtol=1e-5)
    np.testing.assert_allclose(np.delete(backwards, AT["slope"], 1), np.delete(forwards, AT["slope"], 1), rtol=1e-5)


def test_a_mask_hides_frames_and_keeps_the_others_place_in_time() -> None:
    values = contours(30, 2, seed=6)
    mask = np.zeros(30, np.bool_)
    mask[5:15] = True
    np.testing.assert_allclose(masked_functionals(values, mask), functionals(values[5:15]), rtol=1e-6)
    line = np.arange(30, dtype=np.float32)[:, None] * np.float32(0.5)
    mask[20:25] = True
    got = masked_functionals(line, mask)[0]
    assert got[AT["slope"]] == pytest.approx(0.5, rel=1e-5)
    # the jump over the hidden frames is no change from one frame to the next
    assert got[AT["mean_abs_change"]] == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_array_equal(masked_functionals(values, np.zeros(30, np.bool_)), 0.0)
    np.testing.assert_array_equal(masked_functionals(values, np.ones(30, np.bool_)), functionals(values))


def test_bad_contours_are_refused() -> None:
    with pytest.raises(ShapeError, match="at least one frame"):
        functionals(np.zeros((0, 2), np.float32))
    with pytest.raises(ShapeError, match=r"\(5,\) float32"):
        functionals(np.zeros(5, np.float32))
    with pytest.raises(ShapeError, match="float64"):
        functionals(np.zeros((5, 2)))  # type: ignore[arg-type]
    bad = np.zeros((5, 2), np.float32)
    bad[3, 1] = np.inf
    with pytest.raises(ShapeError, match="got inf in frame 3, column 1"):
        functionals(bad)
    with pytest.raises(ShapeError, match=r"want a mask \(5,\) bool, got \(4,\) bool"):
        masked_functionals(np.zeros((5, 2), np.float32), np.ones(4, np.bool_))
