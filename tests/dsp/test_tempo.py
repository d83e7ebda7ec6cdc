"""The beat of what begins: that of a metronome, and librosa's of anything."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from dsp.errors import ShapeError
from dsp.tempo import tempo
from tests.dsp.signals import needs_peers

if sys.version_info >= (3, 10):
    import librosa

FRAMES_A_SECOND = 48000 / 512


def metronome(bpm: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    onsets = np.zeros(int(seconds * FRAMES_A_SECOND), np.float32)
    onsets[np.arange(0, len(onsets), 60.0 * FRAMES_A_SECOND / bpm).astype(int)] = 3.0
    return onsets


@pytest.mark.parametrize("frames_a_beat", [35, 45, 56, 70])
def test_a_metronome_is_heard_to_the_frame(frames_a_beat: int) -> None:
    bpm = 60.0 * FRAMES_A_SECOND / frames_a_beat
    assert tempo(metronome(bpm, 20.0), FRAMES_A_SECOND) == pytest.approx(bpm)


@pytest.mark.parametrize("n_frames", [0, 1, 1000])
def test_where_nothing_begins_there_is_no_tempo(n_frames: int) -> None:
    assert tempo(np.zeros(n_frames, np.float32), FRAMES_A_SECOND) == 0.0


@pytest.mark.parametrize("wrong", [np.zeros((2, 3), np.float32), np.zeros(3)])
def test_another_shape_is_refused(wrong: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    with pytest.raises(ShapeError, match="n_frames"):
        tempo(wrong, FRAMES_A_SECOND)


@needs_peers
@pytest.mark.parametrize("n_frames", [3, 100, 251, 2000])
@pytest.mark.parametrize("seed", range(4))
def test_of_anything_it_is_librosas(n_frames: int, seed: int) -> None:
    onsets = np.random.default_rng(seed).gamma(0.3, 1.0, n_frames).astype(np.float32)
    theirs = float(librosa.feature.tempo(onset_envelope=onsets, sr=48000, hop_length=512)[0])
    assert tempo(onsets, FRAMES_A_SECOND) == pytest.approx(theirs, rel=1e-6)
