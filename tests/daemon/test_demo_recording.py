"""The bundled recording is what the demonstration counts on: five sentences, and a cabin that is not speech."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
import pytest
import soundfile
import webrtcvad
from numpy.typing import NDArray

RECORDING = Path(__file__).parents[2] / "daemon" / "demo" / "cabin.flac"
SAMPLE_RATE_HZ = 16000
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
HANG_OVER_MS = 800
LEAD_S = 0.8


@pytest.fixture(scope="module")
def samples() -> NDArray[np.int16]:
    read, rate_hz = soundfile.read(RECORDING, dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    return np.asarray(read, dtype=np.int16)


def speech_flags(samples: NDArray[np.int16], mode: int) -> list[bool]:
    vad = webrtcvad.Vad(mode)
    starts = range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    return [bool(vad.is_speech(samples[at : at + FRAME_SAMPLES].tobytes(), SAMPLE_RATE_HZ)) for at in starts]


def stretches(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last speech frame of each stretch; a shorter silence than the hang-over does not end one."""
    found: list[tuple[int, int]] = []
    for frame in (number for number, is_speech in enumerate(flags) if is_speech):
        if found and frame - found[-1][1] <= HANG_OVER_MS // FRAME_MS:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found


def test_stretches_are_parted_by_the_hang_over_and_no_less() -> None:
    longest_bridged = [True] + [False] * (HANG_OVER_MS // FRAME_MS - 1) + [True]
    assert stretches(longest_bridged) == [(0, 40)]
    assert stretches([True, *longest_bridged[1:-1], False, True]) == [(0, 0), (41, 41)]


def test_it_is_mono_at_16_khz_in_16_bits_and_not_long() -> None:
    info = soundfile.info(RECORDING)
    assert (info.channels, info.samplerate, info.subtype) == (1, SAMPLE_RATE_HZ, "PCM_16")
    assert 18.0 <= info.duration <= 30.0
    assert RECORDING.stat().st_size < 700_000


def test_nothing_is_clipped(samples: NDArray[np.int16]) -> None:
    peak = int(np.max(np.abs(samples.astype(np.int32))))
    assert 0.2 * 32768 < peak < 0.95 * 32768


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_five_sentences_are_five_stretches_of_speech(samples: NDArray[np.int16], mode: int) -> None:
    found = stretches(speech_flags(samples, mode))
    assert len(found) == 5
    assert all(last - first >= 1000 // FRAME_MS for first, last in found)


def test_the_cabin_alone_is_not_speech(samples: NDArray[np.int16]) -> None:
    flags = speech_flags(samples, mode=2)
    lead_frames = int(LEAD_S * 1000) // FRAME_MS
    assert not any(flags[:lead_frames])
    assert not any(flags[-1000 // FRAME_MS :])


def test_the_speech_stands_well_above_the_cabin(samples: NDArray[np.int16]) -> None:
    noise = samples[: int(LEAD_S * SAMPLE_RATE_HZ)].astype(np.float64)
    for first, last in stretches(speech_flags(samples, mode=2)):
        speech = samples[first * FRAME_SAMPLES : (last + 1) * FRAME_SAMPLES].astype(np.float64)
        assert 10.0 < 10.0 * np.log10(np.mean(speech**2) / np.mean(noise**2)) < 25.0
