"""What stands out of the noise that goes on: speech does, and the noise itself does not, at any level and rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from daemon.events import Stretch
from daemon.gate import VAD_FRAME_MS, VAD_RATES_HZ, SpeechGate, webrtc_detector
from daemon.noise_floor import NoiseFloor
from daemon.settings import GateSettings

RECORDING = Path(__file__).parents[2] / "daemon" / "demo" / "cabin.flac"
RATE_HZ = 16000


def rumble(n_samples: int, seed: int = 0) -> NDArray[np.float64]:
    """(n,) of deviation 1: 6 dB less an octave, as a rolling car makes it, and a little hiss."""
    white = np.random.default_rng(seed).standard_normal((2, n_samples))
    spectrum = np.fft.rfft(white[0])
    spectrum /= np.maximum(1.0, np.fft.rfftfreq(n_samples, 1 / RATE_HZ) / 100.0)
    low = np.fft.irfft(spectrum, n_samples)
    mixed = low / low.std() + 0.05 * white[1]
    return np.asarray(mixed / mixed.std())


def share(sound: NDArray[np.float64], rate_hz: int = RATE_HZ) -> float:
    """Of the frames of (n,) in steps of 16 bit, how many stand out."""
    noise, n = NoiseFloor(rate_hz, VAD_FRAME_MS), round(rate_hz * VAD_FRAME_MS / 1000)
    frames = np.rint(sound).clip(-32768, 32767).astype(np.int16)[: len(sound) // n * n].reshape(-1, n)
    return float(np.mean([noise.stands_out(frame.tobytes()) for frame in frames]))


def open_share(sound: NDArray[np.int16]) -> tuple[float, list[Stretch]]:
    """How much of (n,) is taken for speech, and where."""
    speech = SpeechGate(GateSettings(), RATE_HZ, webrtc_detector(GateSettings().aggressiveness, RATE_HZ))
    closed, last = speech.push(sound), speech.finish()
    found = [*closed, *([last] if last is not None else [])]
    return sum(one.end_sample - one.start_sample for one in found) / len(sound), found


@pytest.mark.parametrize("rate_hz", VAD_RATES_HZ)
@pytest.mark.parametrize("level", [1.0, 30.0, 3000.0])
def test_noise_does_not_stand_out_of_itself(rate_hz: int, level: float) -> None:
    white = np.random.default_rng(1).standard_normal(20 * rate_hz)
    assert share(level * white, rate_hz) < 0.02


@pytest.mark.parametrize("level", [30.0, 3000.0])
def test_a_tone_stands_out_until_it_is_what_goes_on(level: float) -> None:
    at = np.arange(10 * RATE_HZ) / RATE_HZ
    tone = 2.0 * np.sin(2 * np.pi * 1000.0 * at) * (at >= 4.0)
    sound = level * (rumble(len(at)) + tone)
    assert share(sound[: 4 * RATE_HZ]) < 0.03
    # 3 of the 10 s, for so long is remembered what was before the tone
    assert share(sound) == pytest.approx(0.3, abs=0.03)


def test_nothing_stands_out_of_silence_but_what_is_heard() -> None:
    assert share(np.zeros(RATE_HZ)) == 0.0
    dither = np.random.default_rng(2).integers(-1, 2, 5 * RATE_HZ).astype(np.float64)
    assert share(dither) == 0.0
    dither[2 * RATE_HZ : 3 * RATE_HZ] *= 100.0
    # a second of five, and until the mean has fallen by 40 dB
    assert 0.2 <= share(dither) < 0.35


@pytest.mark.parametrize("level", [300.0, 3000.0])
def test_the_gate_is_shut_while_only_the_car_is_heard(level: float) -> None:
    noise = np.rint(level * rumble(60 * RATE_HZ)).clip(-32768, 32767).astype(np.int16)
    assert open_share(noise)[0] < 0.02


def test_the_gate_finds_in_noise_what_it_finds_without() -> None:
    speech = np.asarray(soundfile.read(RECORDING, dtype="int16")[0], np.int16)
    before, wanted = open_share(speech)
    loud = float(
        np.sqrt(np.mean([np.square(speech[one.start_sample : one.end_sample], dtype=np.float64).mean() for one in wanted]))
    )
    noisy = np.rint(speech + loud * 10 ** (-10 / 20) * rumble(len(speech))).clip(-32768, 32767).astype(np.int16)
    share_open, found = open_share(noisy)
    assert share_open == pytest.approx(before, abs=0.1)
    within = sum(
        max(0, min(one.end_sample, each.end_sample) - max(one.start_sample, each.start_sample))
        for one in found
        for each in wanted
    )
    assert within > 0.85 * before * len(speech)
