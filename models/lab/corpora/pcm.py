"""A recording as samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from models.lab.errors import LabError

_EXACT = ("PCM_16", "PCM_S8", "PCM_U8")
"""What fits into int16 as it stands."""


def read_pcm(path: Path, sample_rate_hz: int) -> NDArray[np.int16]:
    """The recording as (n,) int16 at `sample_rate_hz`; the very samples of the file when that is its rate.

    A file of another rate is resampled (soxr, very high quality), one of two channels is averaged; `whole` has refused
    those that should have neither. Decoded sound beyond full scale is clipped. Raises LabError for a file that cannot be
    read to its end, and for more than two channels.
    """
    try:
        with soundfile.SoundFile(path) as file:
            exact = file.subtype in _EXACT
            samples = file.read(dtype="int16" if exact else "float64", always_2d=True)
            rate_hz, n_promised = int(file.samplerate), int(file.frames)
    except (OSError, soundfile.LibsndfileError) as trouble:
        raise LabError(f"{path}: cannot be read ({trouble})") from trouble
    if len(samples) != n_promised:
        raise LabError(f"{path}: is cut: {len(samples)} of {n_promised} samples are there; copy it again")
    if samples.shape[1] > 2:
        raise LabError(f"{path}: has {samples.shape[1]} channels: want one, or two to average")
    if exact and samples.shape[1] == 1 and rate_hz == sample_rate_hz:
        return np.ascontiguousarray(samples[:, 0])
    # libsndfile's own way to int16 lets decoded sound beyond full scale wrap around
    full_scale = samples.astype(np.float64) / 32768.0 if exact else samples
    return _int16(_resampled(full_scale.mean(axis=1), rate_hz, sample_rate_hz))


def _resampled(samples: NDArray[np.float64], rate_hz: int, wanted_hz: int) -> NDArray[np.float64]:
    if rate_hz == wanted_hz:
        return samples
    return np.asarray(soxr.resample(samples, rate_hz, wanted_hz, quality="VHQ"), np.float64)


def _int16(samples: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
