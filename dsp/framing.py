"""Samples and frames: frame i covers samples [i * hop, i * hop + frame). No padding, no centring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ShapeError
from dsp.params import FrontEndParams


def n_frames(n_samples: int, params: FrontEndParams) -> int:
    """Whole frames in the first `n_samples` samples of a stream."""
    if n_samples < params.frame_samples:
        return 0
    return 1 + (n_samples - params.frame_samples) // params.hop_samples


def end_sample(frame: int, params: FrontEndParams) -> int:
    """Index just past the last sample of frame number `frame`."""
    return frame * params.hop_samples + params.frame_samples


def require_mono_f32(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """`samples` as they are, contiguous; ShapeError unless (n,) float32."""
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise ShapeError(f"want (n,) float32, got {samples.shape} {samples.dtype}")
    return np.ascontiguousarray(samples)


def float32_from_int16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """(n,) int16 PCM -> (n,) float32, full scale 1.0. ShapeError for another shape or dtype."""
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise ShapeError(f"want (n,) int16, got {samples.shape} {samples.dtype}")
    return np.multiply(samples, np.float32(1.0 / 32768.0), dtype=np.float32)
