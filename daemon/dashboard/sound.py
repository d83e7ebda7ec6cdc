"""A recording, block by block, with the frames of a front end: for pictures and tables, not for the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

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

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """What was asked of a recording."""

    n_samples: int
    frames: Floats
    """(n_frames, n_features)"""
    peaks: Floats
    """(n, 2): lowest and highest sample of each stretch of `peak_samples`."""
    absolute_sum: float
    loudest: float


def measure(path: Path, params: FrontEndParams, peak_samples: int, on_heard: Callable[[float], None]) -> Sound:
    """`on_heard` is told how many seconds were heard. Raises RecordingError, also beyond LONGEST_S."""
    rate_hz = params.sample_rate_hz
    block_samples = int(BLOCK_MS * rate_hz / 1000.0)
    front_end = OnlineFrontEnd(params, block_samples)
    frames, blocks = [], []
    absolute_sum, loudest, n_samples = 0.0, 0.0, 0
    waiting = np.zeros(0, np.float32)
    with Recording(path, "", rate_hz, block_samples) as recording:
        while not recording.ended:
            block = recording.read()
            if block is None:
                continue
            samples = framing.float32_from_int16(block.samples)
            frames.append(front_end.push(samples).copy())
            waiting = np.concatenate([waiting, samples])
            whole = len(waiting) - len(waiting) % peak_samples
            blocks.append(_peaks(waiting[:whole], peak_samples))
            waiting = waiting[whole:]
            magnitude = np.abs(samples)
            absolute_sum += float(magnitude.sum(dtype=np.float64))
            loudest = max(loudest, float(magnitude.max()))
            n_samples = block.end_sample
            require_length(path, n_samples / rate_hz)
            on_heard(n_samples / rate_hz)
    if len(waiting):
        blocks.append(_peaks(waiting, len(waiting)))
    return Sound(n_samples, np.concatenate(frames), np.concatenate(blocks), absolute_sum, loudest)


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
