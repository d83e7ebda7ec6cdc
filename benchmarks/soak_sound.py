"""A day of sound for the soak: hours that are all alike, in which somebody speaks for most of the time and then nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from daemon.demo.demo import RECORDING

SPOKEN_SHARE = 5 / 6
HISS = 3.0
EVEN_SAMPLES = 3840
"""Whole blocks, hops of the models and frames of the detector: every hour begins alike for all of them."""


def write_hours(path: Path, n_hours: int, hour_s: int) -> tuple[int, int]:
    """Write the recording, the bundled speech again and again; the samples of an hour, and of a second."""
    speech, rate_hz = soundfile.read(RECORDING, dtype="int16")
    hour = _hour(speech, hour_s * rate_hz // EVEN_SAMPLES * EVEN_SAMPLES)
    with soundfile.SoundFile(path, "w", rate_hz, 1, subtype="PCM_16") as file:
        for _ in range(n_hours):
            file.write(hour)
    return len(hour), rate_hz


def _hour(speech: NDArray[np.int16], n_samples: int) -> NDArray[np.int16]:
    hour = np.rint(np.random.default_rng(0).normal(0.0, HISS, n_samples)).astype(np.int16)
    n_rounds = max(1, int(SPOKEN_SHARE * n_samples) // len(speech))
    hour[: n_rounds * len(speech)] = np.tile(speech, n_rounds)
    return hour
