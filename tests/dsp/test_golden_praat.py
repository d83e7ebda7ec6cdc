"""The pitch beside Praat's, by way of Parselmouth: the same method (Boersma 1993) from people who had it first.

Praat knows the whole recording where ours has only the past: its threshold of silence is a share of the loudest sample
of all, ours of the loudest so far, which is slowly forgotten; of all paths through the candidates it takes the one of
least cost, ours stands in each frame on the best that leads there. And it interpolates with sinc functions, ours with a
parabola. Its frames are named by their middle, ours end with their last sample: they meet half a window before it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.offline import feature_frames
from dsp.params import PITCH, FrontEndParams
from tests.daemon import recordings
from tests.dsp.signals import RATE_HZ, Samples, acted, heard, needs_emodb, needs_peers

if sys.version_info >= (3, 10):
    import parselmouth

pytestmark = needs_peers

PARAMS = FrontEndParams(hop_ms=10.0, kinds=(PITCH,))
PRAAT_STEP_S = 0.002
NEAR = 0.02
"""Of Praat's frequency; and of 1, the most that the strength of voicing can be."""
UTTERANCES_A_SPEAKER = 4
N_SPEAKERS = 10


@dataclass(frozen=True)
class Agreement:
    """What ours and Praat say of the same frames: two (n_frames, 2), frequency in Hz, 0 where unvoiced, and strength."""

    ours: NDArray[np.float64]
    praats: NDArray[np.float64]

    @property
    def both_voiced(self) -> NDArray[np.bool_]:
        return np.asarray((self.ours[:, 0] > 0.0) & (self.praats[:, 0] > 0.0))

    @property
    def frequency(self) -> float:
        """Share of the frames that both call voiced whose frequencies are near."""
        ours_hz, praats_hz = self.ours[self.both_voiced, 0], self.praats[self.both_voiced, 0]
        return float((np.abs(ours_hz / praats_hz - 1.0) <= NEAR).mean())

    @property
    def strength(self) -> float:
        """Share of the same frames whose strengths of voicing are near."""
        off_by = self.ours[self.both_voiced, 1] - self.praats[self.both_voiced, 1]
        return float((np.abs(off_by) <= NEAR).mean())

    @property
    def voicing(self) -> float:
        """Share of the frames that both call voiced or both unvoiced."""
        return float(((self.ours[:, 0] > 0.0) == (self.praats[:, 0] > 0.0)).mean())

    def check(self, at_least: float) -> None:
        """Every share is `at_least` this; and so much of the sound is voiced, and is not, that it was asked at all."""
        assert 0.25 < (self.praats[:, 0] > 0.0).mean() < 0.75
        assert ((self.ours[:, 1] >= 0.0) & (self.ours[:, 1] <= 1.0)).all()
        said = f"alike: frequency {self.frequency:.1%}, strength {self.strength:.1%}, voicing {self.voicing:.1%}"
        assert min(self.frequency, self.strength, self.voicing) >= at_least, said


def agreement(sounds: list[Samples]) -> Agreement:
    """Over all frames of the sounds whose window Praat has looked at, too."""
    pairs = [both(samples) for samples in sounds]
    return Agreement(np.concatenate([ours for ours, _ in pairs]), np.concatenate([praats for _, praats in pairs]))


def both(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ours = feature_frames(samples, PARAMS)[:, PARAMS.columns(PITCH)].astype(np.float64)
    pitch = parselmouth.Sound(samples.astype(np.float64), RATE_HZ).to_pitch_ac(
        time_step=PRAAT_STEP_S, pitch_floor=PARAMS.pitch_floor_hz, pitch_ceiling=PARAMS.pitch_ceiling_hz
    )
    praats = np.column_stack([pitch.selected_array["frequency"], pitch.selected_array["strength"]])
    ends = np.arange(len(ours)) * PARAMS.hop_samples + PARAMS.frame_samples
    middles_s = (ends - PARAMS.pitch_window_samples / 2) / RATE_HZ
    nearest = np.rint((middles_s - pitch.xs()[0]) / PRAAT_STEP_S).astype(int)
    looked_at = (nearest >= 0) & (nearest < len(praats))
    return ours[looked_at], praats[nearest[looked_at]]


def glide(from_hz: float, to_hz: float, n_harmonics: int) -> Samples:
    """Three seconds of a voice that glides, in three breaths, in a little noise."""
    n = 3 * RATE_HZ
    phase = np.cumsum(2 * np.pi * np.geomspace(from_hz, to_hz, n) / RATE_HZ)
    voice: NDArray[np.float64] = sum((np.sin(k * phase) / k for k in range(1, n_harmonics + 1)), np.zeros(n))
    breath = np.clip(20.0 * np.sin(3 * np.pi * np.arange(n) / n) ** 2 - 4.0, 0.0, 1.0)
    noise = np.random.default_rng(1).standard_normal(n)
    return (0.2 * breath * voice + 0.002 * noise).astype(np.float32)


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "n_harmonics"),
    [(90.0, 180.0, 20), (260.0, 120.0, 15), (200.0, 450.0, 8), (60.0, 75.0, 30), (120.0, 240.0, 1)],
    ids=["a man's, up", "a woman's, down", "a child's, up", "a creak", "a hum"],
)
def test_glides(from_hz: float, to_hz: float, n_harmonics: int) -> None:
    agreement([glide(from_hz, to_hz, n_harmonics)]).check(at_least=0.98)


def test_the_bundled_recording() -> None:
    agreement([recordings.speech()]).check(at_least=0.9)


@needs_emodb
def test_acted_speech() -> None:
    sounds = [heard(utterance) for utterance in acted(UTTERANCES_A_SPEAKER)]
    assert len(sounds) == UTTERANCES_A_SPEAKER * N_SPEAKERS
    agreement(sounds).check(at_least=0.9)
