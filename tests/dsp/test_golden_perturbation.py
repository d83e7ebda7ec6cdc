"""Pitch contour, jitter and shimmer beside Praat's, by way of Parselmouth.

The method is the same to the constants; Praat interpolates the peaks of the autocorrelation with sinc functions, ours with a
parabola. So a candidate near the voicing's threshold, or a path through two that are as good, may be another one.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest

from dsp.contour import pitch_contour
from dsp.perturbation import LARGEST_AMPLITUDE_RATIO, LARGEST_PERIOD_RATIO, LONGEST_S, SHORTEST_S, jitter, pulses, shimmer
from tests.daemon import recordings
from tests.dsp.signals import Samples, acted, heard, needs_emodb, needs_peers
from tests.dsp.voices import PARAMS, RATE_HZ, uneven

if sys.version_info >= (3, 10):
    import parselmouth
    from parselmouth.praat import call

pytestmark = needs_peers

NEAR = 0.005
"""Of Praat's frequency."""
PERIODS = (SHORTEST_S, LONGEST_S, LARGEST_PERIOD_RATIO)


class Said(NamedTuple):
    hz: np.ndarray[tuple[int], np.dtype[np.float64]]
    jitter: float
    shimmer: float


def ours(samples: Samples) -> Said:
    contour = pitch_contour(samples, PARAMS)
    found = pulses(samples, contour)
    return Said(contour.hz.astype(np.float64), jitter(found, RATE_HZ), shimmer(samples, found, RATE_HZ))


def praats(samples: Samples) -> Said:
    sound = parselmouth.Sound(samples.astype(np.float64), RATE_HZ)
    pitch = sound.to_pitch(PARAMS.hop_samples / RATE_HZ, PARAMS.pitch_floor_hz, PARAMS.pitch_ceiling_hz)
    points = call([sound, pitch], "To PointProcess (cc)")
    own_jitter = call(points, "Get jitter (local)", 0.0, 0.0, *PERIODS)
    own_shimmer = call([sound, points], "Get shimmer (local)", 0.0, 0.0, *PERIODS, LARGEST_AMPLITUDE_RATIO)
    return Said(np.asarray(pitch.selected_array["frequency"]), float(own_jitter), float(own_shimmer))


def require_alike(one: Said, other: Said, at_least: float) -> None:
    """Share of the frames that are voiced in both or neither, and near each other in frequency."""
    assert one.hz.shape == other.hz.shape
    near = np.abs(one.hz - other.hz) <= NEAR * other.hz
    assert near.mean() >= at_least


@pytest.mark.parametrize("hz", [75.0, 120.0, 210.0, 330.0])
@pytest.mark.parametrize(("unrest", "unevenness"), [(0.003, 0.02), (0.01, 0.05), (0.03, 0.15)])
def test_a_voice_with_known_periods(hz: float, unrest: float, unevenness: float) -> None:
    voice = uneven(hz, unrest, unevenness)
    one, other = ours(voice.samples), praats(voice.samples)
    require_alike(one, other, at_least=0.99)
    assert one.jitter == pytest.approx(other.jitter, rel=0.01)
    assert one.shimmer == pytest.approx(other.shimmer, rel=0.01)


def test_the_bundled_recording() -> None:
    samples = recordings.resampled(recordings.speech(), RATE_HZ)
    one, other = ours(samples), praats(samples)
    require_alike(one, other, at_least=0.99)
    assert one.jitter == pytest.approx(other.jitter, rel=0.01)
    assert one.shimmer == pytest.approx(other.shimmer, rel=0.01)


@needs_emodb
def test_acted_speech() -> None:
    """Four utterances of each speaker: nine of ten to a fiftieth, each to a tenth."""
    off = []
    for utterance in acted(4):
        samples = recordings.resampled(heard(utterance), RATE_HZ)
        one, other = ours(samples), praats(samples)
        require_alike(one, other, at_least=0.95)
        off.append([one.jitter / other.jitter - 1.0, one.shimmer / other.shimmer - 1.0])
    assert len(off) == 40
    apart = np.abs(off)
    print("jitter, shimmer off by", *np.percentile(apart, (50, 90, 100), axis=0))
    assert (np.percentile(apart, 90, axis=0) <= 0.02).all()
    assert apart.max() <= 0.1
