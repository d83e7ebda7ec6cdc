"""Running statistics: those of all utterances, then of the newest; and how far others lie from them."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.adaptation import FARTHEST, Heard, Running, distance

N_MELS, N = 4, 50
FOR_EVER = 1e9

Values = NDArray[np.float32]


def utterances(n: int, seed: int, centre: float = 0.0, spread: float = 1.0) -> list[Heard]:
    rng = np.random.default_rng(seed)
    return [
        Heard(
            rng.normal(-8.0, 2.0, N_MELS).astype(np.float32),
            int(rng.integers(20, 500)),
            (rng.normal(size=N) * spread + centre).astype(np.float32),
            1,
        )
        for _ in range(n)
    ]


def running(heard: Sequence[Heard], most_frames: float = FOR_EVER, most_utterances: float = FOR_EVER) -> Running:
    sums = Running.nothing(N_MELS, N)
    for one in heard:
        sums = sums.with_one(one, most_frames, most_utterances)
    return sums


@pytest.mark.parametrize("centre", [0.0, 1e4])
def test_below_the_limits_everything_counts_alike(centre: float) -> None:
    heard = utterances(40, seed=1, centre=centre)
    known = running(heard)
    rows = np.stack([one.functionals for one in heard]).astype(np.float64)
    frames = [one.n_frames for one in heard]
    np.testing.assert_allclose(known.functionals, rows.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(known.scatter, np.square(rows - rows.mean(axis=0)).sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(known.log_mel, np.average([one.log_mel for one in heard], axis=0, weights=frames), rtol=1e-12)
    assert (known.n_frames, known.n_utterances) == (sum(frames), 40)


def test_the_first_is_known_as_it_was() -> None:
    (only,) = utterances(1, seed=2)
    got = running([only]).as_heard()
    np.testing.assert_array_equal(got.functionals, only.functionals)
    np.testing.assert_array_equal(got.log_mel, only.log_mel)
    assert (got.n_frames, got.n_utterances) == (only.n_frames, 1)
    assert got.functionals.dtype == got.log_mel.dtype == np.float32


@given(n=st.integers(0, 60), most=st.integers(1, 20), most_frames=st.integers(500, 3000), seed=st.integers(0, 9))
def test_the_counts_never_pass_their_limits(n: int, most: int, most_frames: int, seed: int) -> None:
    heard = utterances(n, seed)
    known = running(heard, most_frames, most)
    assert known.n_utterances == min(n, most)
    assert known.n_frames == min(sum(one.n_frames for one in heard), most_frames)
    assert (known.scatter >= 0.0).all()


def test_beyond_the_limit_each_counts_less_than_the_next() -> None:
    """By the same factor each time, and all of them as much as the limit says."""
    most = 10
    weights = np.array([_share_of(position, 40, most) for position in range(40)])
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(weights[most:-1] / weights[most + 1 :], most / (most + 1), rtol=1e-5)


def _share_of(position: int, n: int, most: int) -> float:
    """How much of the mean is the utterance there."""
    heard = [Heard(np.zeros(N_MELS, np.float32), 1, np.full(N, float(i == position), np.float32), 1) for i in range(n)]
    return float(running(heard, FOR_EVER, most).functionals[0])


def test_a_slow_change_is_followed_and_what_was_is_forgotten() -> None:
    known = running([*utterances(100, seed=3, spread=5.0), *utterances(400, seed=4, centre=7.0)], FOR_EVER, 60.0)
    np.testing.assert_allclose(known.functionals, 7.0, atol=1.0)
    np.testing.assert_allclose(known.scatter.mean() / known.n_utterances, 1.0, atol=0.3)


def test_more_of_the_same_is_at_a_distance_of_about_one() -> None:
    seen = [distance(running(utterances(60, seed)), utterances(10, 1000 + seed)) for seed in range(20)]
    assert np.mean(seen) == pytest.approx(1.0, abs=0.15)
    assert max(seen) < 2.0


def test_others_are_farther_the_more_there_are_of_them() -> None:
    known = running(utterances(60, seed=5))
    seen = [distance(known, utterances(n, seed=6, centre=1.0)) for n in (1, 3, 10)]
    assert seen == sorted(seen)
    assert seen[-1] > 5.0


@given(factor=st.floats(1e-4, 1e4), offset=st.floats(-100.0, 100.0))
def test_the_unit_of_a_functional_does_not_matter(factor: float, offset: float) -> None:
    def in_other_units(heard: Sequence[Heard]) -> list[Heard]:
        values = [(one.functionals * factor + offset * factor).astype(np.float32) for one in heard]
        return [Heard(one.log_mel, 1, row, 1) for one, row in zip(heard, values)]

    known, newest = utterances(40, seed=7), utterances(10, seed=8, centre=0.5)
    wanted = distance(running(known), newest)
    assert distance(running(in_other_units(known)), in_other_units(newest)) == pytest.approx(wanted, rel=1e-2)


def test_what_never_moved_does_not_decide_alone() -> None:
    def with_constant(heard: Sequence[Heard], constant: float) -> list[Heard]:
        rows = [one.functionals.copy() for one in heard]
        for row in rows:
            row[0] = constant
        return [Heard(one.log_mel, 1, row, 1) for one, row in zip(heard, rows)]

    known = running(with_constant(utterances(40, seed=9), 3.0))
    still = distance(known, with_constant(utterances(10, seed=10), 3.0))
    moved = distance(known, with_constant(utterances(10, seed=10), 4.0))
    assert np.isfinite(still)
    assert moved - still == pytest.approx(FARTHEST / N)
