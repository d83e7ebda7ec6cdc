"""A recording, block by block, with the frames of a front end: for pictures and tables, not for the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from daemon.capture.recording import Recording
from daemon.errors import RecordingError
from dsp import framing
from dsp.online import OnlineFrontEnd
from dsp.params import FrontEndParams

BLOCK_MS = 500.0
LONGEST_S = 3600.0
"""Of a recording that the page takes."""
MOST_CHANNELS = 8

SPARE = 64
"""Frames or samples more than a recording's header tells of: those of its margins, and of a resampler's rounding."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """What was asked of a recording."""

    samples: NDArray[np.int16]
    """Of one channel, at the front end's rate."""
    frames: Floats
    """(n_frames, n_features)"""
    peaks: Floats
    """(n, 2): lowest and highest sample of each stretch of `peak_samples`."""
    absolute_sum: float
    loudest: float


def measure(
    path: Path, params: FrontEndParams, peak_samples: int, on_heard: Callable[[float], None], margin_samples: int = 0
) -> Sound:
    """`on_heard` is told how many seconds were heard; `margin_samples`: of silence, at either end of what is cut into frames.

    Raises RecordingError, also beyond LONGEST_S.
    """
    rate_hz = params.sample_rate_hz
    block_samples = int(BLOCK_MS * rate_hz / 1000.0)
    front_end = OnlineFrontEnd(params, max(block_samples, margin_samples))
    margin = np.zeros(margin_samples, np.float32)
    peaks = []
    absolute_sum, loudest = 0.0, 0.0
    waiting = np.zeros(0, np.float32)
    with Recording(path, "", rate_hz, block_samples) as recording:
        pcm = _Tape(recording.duration_s * rate_hz, (), np.int16)
        frames = _Tape(recording.duration_s * rate_hz / params.hop_samples, (params.n_features,), np.float32)
        frames.add(front_end.push(margin))
        while not recording.ended:
            block = recording.read()
            if block is None:
                continue
            samples = framing.float32_from_int16(block.samples)
            pcm.add(block.samples)
            frames.add(front_end.push(samples))
            waiting = np.concatenate([waiting, samples])
            whole = len(waiting) - len(waiting) % peak_samples
            peaks.append(_peaks(waiting[:whole], peak_samples))
            waiting = waiting[whole:]
            magnitude = np.abs(samples)
            absolute_sum += float(magnitude.sum(dtype=np.float64))
            loudest = max(loudest, float(magnitude.max()))
            require_length(path, block.end_sample / rate_hz)
            on_heard(block.end_sample / rate_hz)
    frames.add(front_end.push(margin))
    if len(waiting):
        peaks.append(_peaks(waiting, len(waiting)))
    return Sound(pcm.all(), frames.all(), np.concatenate(peaks), absolute_sum, loudest)


class _Tape:
    """What grows at its end, and is not copied as long as the recording's header tells the truth."""

    def __init__(self, n_likely: float, shape: tuple[int, ...], dtype: type) -> None:
        self._values: NDArray[Any] = np.empty((int(n_likely) + SPARE, *shape), dtype)
        self._n = 0

    def add(self, more: NDArray[Any]) -> None:
        end = self._n + len(more)
        if end > len(self._values):
            larger = np.empty((2 * end, *self._values.shape[1:]), self._values.dtype)
            larger[: self._n] = self._values[: self._n]
            self._values = larger
        self._values[self._n : end] = more
        self._n = end

    def all(self) -> NDArray[Any]:
        return self._values[: self._n]


def require_length(path: Path, duration_s: float) -> None:
    """Raises RecordingError beyond LONGEST_S."""
    if duration_s > LONGEST_S:
        raise RecordingError(
            f"{path}: lasts {duration_s / 3600:.1f} h: the page takes {LONGEST_S / 60:.0f} minutes at most; "
            "cut it, or use `affectd analyze`"
        )


def _peaks(samples: Floats, peak_samples: int) -> Floats:
    stretches = samples.reshape(-1, peak_samples)
    return np.stack([stretches.min(axis=1), stretches.max(axis=1)], axis=1)
