"""Normalisation of whole utterances, and of streams by what was heard so far."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.errors import ParamError, ShapeError
from dsp.normalise import RunningNormaliser, RunningStatistics, mean_normalise, min_max, standardise


def frames(n_frames: int, seed: int = 0) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).standard_normal((n_frames, 3)) * [0.1, 1.0, 50.0] + [5.0, 0.0, -200.0]
    return values.astype(np.float32)


def test_of_an_utterance() -> None:
    values = frames(80)
    standard = standardise(values)
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(standard.std(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(mean_normalise(values), values - values.mean(axis=0), atol=1e-4)
    scaled = min_max(values)
    np.testing.assert_array_equal(scaled.min(axis=0), 0.0)
    np.testing.assert_array_equal(scaled.max(axis=0), 1.0)
    np.testing.assert_allclose(scaled * np.ptp(values, axis=0) + values.min(axis=0), values, rtol=1e-5)


@pytest.mark.parametrize("normalise", [standardise, min_max, mean_normalise])
def test_a_constant_column_is_zero_and_no_frames_stay_no_frames(normalise) -> None:  # type: ignore[no-untyped-def]
    np.testing.assert_array_equal(normalise(np.full((6, 2), 3.5, np.float32)), 0.0)
    assert normalise(np.zeros((0, 4), np.float32)).shape == (0, 4)
    with pytest.raises(ShapeError, match="got nan in frame 1, column 0"):
        normalise(np.array([[1.0], [np.nan]], np.float32))


def test_running_statistics_are_those_of_all_frames() -> None:
    values = frames(500)
    statistics = RunningStatistics(3)
    statistics.push(values)
    np.testing.assert_allclose(statistics.mean, values.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(statistics.deviation, values.astype(float).std(axis=0), rtol=1e-12)
    assert statistics.weight_frames == 500


def test_with_a_half_life_a_frame_weighs_half_so_many_frames_later() -> None:
    values = frames(60)
    statistics = RunningStatistics(3, half_life_frames=7.0)
    statistics.push(values)
    weights = 0.5 ** (np.arange(59, -1, -1) / 7.0)
    mean = np.average(values.astype(float), axis=0, weights=weights)
    np.testing.assert_allclose(statistics.mean, mean, rtol=1e-12)
    variance = np.average((values - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(statistics.deviation, np.sqrt(variance), rtol=1e-9)


@settings(max_examples=50)
@given(cuts=st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(any), half_life=st.sampled_from([None, 5.0]))
def test_any_cut_gives_the_same_bits(cuts: list[int], half_life: float | None) -> None:
    values = frames(70, seed=3)
    whole = RunningNormaliser(RunningStatistics(3, half_life)).push(values)
    stream = RunningNormaliser(RunningStatistics(3, half_life))
    parts, at, turn = [np.empty((0, 3), np.float32)], 0, 0
    while at < len(values):
        block = values[at : at + cuts[turn % len(cuts)]]
        parts.append(stream.push(block))
        at, turn = at + len(block), turn + 1
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_nothing_looks_ahead_and_the_end_is_as_the_whole() -> None:
    values = frames(300)
    changed = values.copy()
    changed[200:] *= 9.0
    first = RunningNormaliser(RunningStatistics(3)).push(values)
    second = RunningNormaliser(RunningStatistics(3)).push(changed)
    np.testing.assert_array_equal(first[:200], second[:200])
    np.testing.assert_array_equal(first[0], 0.0)
    np.testing.assert_allclose(first[-1], standardise(values)[-1], rtol=1e-4, atol=1e-6)
    centred = RunningNormaliser(RunningStatistics(3), scale=False).push(values)
    np.testing.assert_allclose(centred[-1], mean_normalise(values)[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("half_life", [None, 0.5, 30.0])
def test_a_constant_column_of_a_stream_is_zero(half_life: float | None) -> None:
    normaliser = RunningNormaliser(RunningStatistics(1, half_life))
    np.testing.assert_array_equal(normaliser.push(np.full((40, 1), 0.1, np.float32)), 0.0)
    assert normaliser.statistics.deviation[0] == 0.0


def test_far_from_zero_no_digits_are_lost() -> None:
    statistics = RunningStatistics(1)
    statistics.push(np.where(np.arange(20000)[:, None] % 2 == 0, 1e6, 1e6 + 1).astype(np.float32))
    assert statistics.deviation[0] == pytest.approx(0.5, rel=1e-9)


def test_a_state_goes_through_json_to_the_last_bit() -> None:
    statistics = RunningStatistics(3, 11.0)
    statistics.push(frames(40))
    again = RunningStatistics.from_state(json.loads(json.dumps(statistics.state())))
    for one in (statistics, again):
        one.push(frames(40, seed=9))
    assert again.state() == statistics.state()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mean": [0.0]}, "one length"),
        ({"squares": [1.0, -1.0]}, "not below zero"),
        ({"weight_frames": float("nan")}, "weight_frames is nan"),
        ({"weight_frames": 0.5}, "want 0, or at least 1"),
        ({"mean": "many"}, "mean is 'many'"),
        ({"mean": [0.0, True]}, "mean is True"),
        ({"half_life_frames": 0.0}, "half_life_frames is 0.0"),
        ({"more": 1}, "want half_life_frames, mean, squares, weight_frames"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change: dict[str, object], says: str) -> None:
    good = {"half_life_frames": None, "weight_frames": 2.0, "mean": [0.0, 1.0], "squares": [1.0, 1.0]}
    assert RunningStatistics.from_state(good).n_columns == 2
    with pytest.raises(ParamError, match=says):
        RunningStatistics.from_state({**good, **change})


def test_frames_that_do_not_fit_are_refused_and_nothing_is_taken() -> None:
    normaliser = RunningNormaliser(RunningStatistics(3))
    before = normaliser.statistics.state()
    bad = frames(4)
    bad[2, 2] = np.inf
    with pytest.raises(ShapeError, match="got inf in frame 2, column 2"):
        normaliser.push(bad)
    with pytest.raises(ShapeError, match=r"want \(k, 3\) float32, got \(4, 2\)"):
        normaliser.push(frames(4)[:, :2])
    assert normaliser.statistics.state() == before
    with pytest.raises(ParamError, match="n_columns is 0"):
        RunningStatistics(0)
