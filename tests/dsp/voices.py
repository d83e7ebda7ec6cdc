"""Voices whose every period is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.params import PITCH, FrontEndParams

RATE_HZ = 48000
PARAMS = FrontEndParams(
    sample_rate_hz=RATE_HZ, frame_ms=2048 * 1000 / RATE_HZ, hop_ms=512 * 1000 / RATE_HZ, kinds=(PITCH,), f_max_hz=24000.0
)
DECAY_S, RESONANCE_HZ = 0.0007, 900.0


class Voice(NamedTuple):
    """A sound, and where its periods begin."""

    samples: NDArray[np.float32]
    pulses: NDArray[np.float64]
    """In samples."""
    amplitudes: NDArray[np.float64]

    @property
    def jitter(self) -> float:
        periods = np.diff(self.pulses)
        return float(np.abs(np.diff(periods)).mean() / periods.mean())

    @property
    def shimmer(self) -> float:
        return float(np.abs(np.diff(self.amplitudes)).mean() / self.amplitudes.mean())


def uneven(hz: float, unrest: float, unevenness: float, seconds: float = 2.0, seed: int = 0) -> Voice:
    """Damped pulses; `unrest` and `unevenness` are the deviations of their distances and heights, over the mean."""
    rng = np.random.default_rng(seed)
    n = int(seconds * hz)
    # within what counts as a period
    around = np.clip(rng.standard_normal((2, n)), -2.0, 2.0)
    pulses = 0.1 * RATE_HZ + np.cumsum(RATE_HZ / hz * (1.0 + unrest * around[0]))
    amplitudes = 0.3 * (1.0 + unevenness * around[1])
    samples = np.zeros(int((seconds + 0.3) * RATE_HZ))
    for at, amplitude in zip(pulses, amplitudes):
        first = int(np.ceil(at))
        time_s = (np.arange(first, first + int(10 * DECAY_S * RATE_HZ)) - at) / RATE_HZ
        pulse = amplitude * np.exp(-time_s / DECAY_S) * np.sin(2 * np.pi * RESONANCE_HZ * time_s)
        samples[first : first + len(pulse)] += pulse
    return Voice(samples.astype(np.float32), pulses, amplitudes)
