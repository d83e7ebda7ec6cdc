"""Jitter and shimmer: as defined, of periods that are given; and of sounds whose periods are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.contour import PitchContour, pitch_contour
from dsp.errors import ShapeError
from dsp.perturbation import jitter, pulses, shimmer
from tests.dsp.voices import PARAMS, RATE_HZ, uneven


def at(*periods_ms: float) -> NDArray[np.float64]:
    """Pulses, in samples, so far apart."""
    return np.concatenate([[0.0], np.cumsum(periods_ms)]) * RATE_HZ / 1000.0


def test_jitter_is_the_mean_change_over_the_mean_period() -> None:
    assert jitter(at(10.0, 11.0, 10.0), RATE_HZ) == pytest.approx(1.0 / (31.0 / 3.0))


@pytest.mark.parametrize("periods_ms", [(), (10.0,), (10.0, 25.0), (10.0, 14.0), (0.05, 0.05, 0.05)])
def test_without_two_periods_one_after_the_other_there_is_no_jitter(periods_ms: tuple[float, ...]) -> None:
    assert jitter(at(*periods_ms), RATE_HZ) == 0.0


def test_a_pause_and_a_slip_to_another_octave_are_no_periods() -> None:
    assert jitter(at(10.0, 10.1, 300.0, 10.0, 10.1), RATE_HZ) == pytest.approx(0.1 / 10.05)
    assert jitter(at(10.0, 10.1, 5.0, 5.1), RATE_HZ) == pytest.approx(0.1 / (30.2 / 4.0))


@given(st.lists(st.floats(3.0, 15.0), min_size=3, max_size=30), st.floats(0.0, 1e5))
def test_jitter_does_not_depend_on_when(periods_ms: list[float], start: float) -> None:
    assert jitter(at(*periods_ms) + start, RATE_HZ) == pytest.approx(jitter(at(*periods_ms), RATE_HZ), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("hz", [80.0, 130.0, 240.0])
@pytest.mark.parametrize(("unrest", "unevenness"), [(0.0, 0.0), (0.01, 0.04), (0.02, 0.1)])
def test_the_periods_of_a_voice_are_found_one_by_one(hz: float, unrest: float, unevenness: float) -> None:
    voice = uneven(hz, unrest, unevenness)
    found = pulses(voice.samples, pitch_contour(voice.samples, PARAMS))
    assert len(found) == pytest.approx(len(voice.pulses), abs=3)
    assert jitter(found, RATE_HZ) == pytest.approx(voice.jitter, rel=0.06, abs=2e-4)
    assert shimmer(voice.samples, found, RATE_HZ) == pytest.approx(voice.shimmer, rel=0.06, abs=2e-3)


def test_nothing_depends_on_how_loud_it_is_or_how_it_is_kept() -> None:
    voice = uneven(150.0, 0.01, 0.05)
    said = []
    for samples in (voice.samples, voice.samples * np.float32(0.5), np.rint(voice.samples * 32767.0).astype(np.int16)):
        found = pulses(samples, pitch_contour(samples, PARAMS))
        said.append([jitter(found, RATE_HZ), shimmer(samples, found, RATE_HZ)])
    assert said[1] == pytest.approx(said[0], rel=1e-6)
    assert said[2] == pytest.approx(said[0], rel=0.01)


@pytest.mark.parametrize("n_samples", [0, 1, 100, 2880, 48000])
def test_where_nobody_speaks_there_is_nothing(n_samples: int) -> None:
    silence = np.zeros(n_samples, np.int16)
    contour = pitch_contour(silence, PARAMS)
    assert not contour.hz.any()
    found = pulses(silence, contour)
    assert len(found) == 0
    assert (jitter(found, RATE_HZ), shimmer(silence, found, RATE_HZ)) == (0.0, 0.0)


def test_what_is_done_is_told() -> None:
    voice = uneven(150.0, 0.01, 0.05)
    told: list[float] = []
    contour = pitch_contour(voice.samples, PARAMS, told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(2.3, abs=0.1)
    told.clear()
    pulses(voice.samples, contour, told.append)
    assert told[-1] == pytest.approx(voice.pulses[-1] / RATE_HZ, abs=0.02)


@pytest.mark.parametrize("samples", [np.zeros((2, 9), np.float32), np.zeros(9, np.float64), np.zeros(9, np.int32)])
def test_another_shape_is_refused(samples: NDArray[np.float64]) -> None:
    nothing = PitchContour(np.zeros(0, np.float32), 0.0, 512, RATE_HZ)
    for ask in (lambda: pitch_contour(samples, PARAMS), lambda: pulses(samples, nothing)):
        with pytest.raises(ShapeError, match="want mono"):
            ask()


@pytest.mark.parametrize("hz", [60.0, 100.0, 220.0, 440.0])
def test_the_contour_of_a_steady_voice_is_its_pitch(hz: float) -> None:
    samples = uneven(hz, 0.0, 0.0).samples
    contour = pitch_contour(samples, PARAMS)
    voiced = contour.hz[contour.hz > 0.0]
    assert len(voiced) > 0.8 * len(contour.hz)
    assert np.abs(voiced[3:-3] / hz - 1.0).max() < 0.003
    assert contour.first == (len(samples) - 1 - (len(contour.hz) - 1) * 512) / 2
