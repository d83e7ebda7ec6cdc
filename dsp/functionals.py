"""Functionals: what remains of a contour, such as the pitch of an utterance, once time is taken out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ShapeError

PERCENTILES = (5, 25, 50, 75, 95)

FUNCTIONALS = (
    "mean",
    "deviation",
    "percentile_5",
    "percentile_25",
    "percentile_50",
    "percentile_75",
    "percentile_95",
    "range_5_95",
    "range_25_75",
    "slope",
    "mean_abs_change",
    "skewness",
)
"""The columns, in order. All are in the contour's own unit but the slope, which is in that unit per frame, and the
skewness, which has none. The deviation is of the frames at hand (divided by n, not n - 1), the slope that of the
least-squares line, the change that from one frame to the next, without its sign."""


def functionals(contours: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_frames, n_contours) float32 -> (n_contours, len(FUNCTIONALS)) float32.

    Deviation, ranges, slope, change and skewness of a constant contour, and of a single frame, are 0. Everything is
    summed in float64. Raises ShapeError for another shape or dtype, for no frame, and for a value that is not finite.
    """
    checked = require_finite_frames(contours)
    if not len(checked):
        raise ShapeError("want at least one frame, got none")
    return _functionals(checked.astype(np.float64), np.arange(len(checked)))


def masked_functionals(contours: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """As `functionals`, of the frames where `mask`, (n_frames,) bool, is True: the pitch of voiced frames, say.

    Frames keep their place in time: the slope is per frame of the whole contour, and a change is counted only between
    frames that follow each other. All is 0 where no frame is left. Raises ShapeError, also for values the mask hides.
    """
    checked = require_finite_frames(contours)
    if mask.shape != checked.shape[:1] or mask.dtype != np.bool_:
        raise ShapeError(f"want a mask ({len(checked)},) bool, got {mask.shape} {mask.dtype}")
    if not mask.any():
        return np.zeros((checked.shape[1], len(FUNCTIONALS)), np.float32)
    return _functionals(checked[mask].astype(np.float64), np.flatnonzero(mask))


def require_finite_frames(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """`frames` as they are; ShapeError unless (n_frames, n_columns) float32 and finite."""
    if frames.ndim != 2 or frames.dtype != np.float32:
        raise ShapeError(f"want (n_frames, n_columns) float32, got {frames.shape} {frames.dtype}")
    if not np.isfinite(frames).all():
        frame, column = np.argwhere(~np.isfinite(frames))[0]
        raise ShapeError(f"want finite values, got {frames[frame, column]} in frame {frame}, column {column}")
    return frames


def _functionals(values: NDArray[np.float64], at_frames: NDArray[np.intp]) -> NDArray[np.float32]:
    mean = values.mean(axis=0)
    centred = values - mean
    deviation = np.sqrt(np.square(centred).mean(axis=0))
    p5, p25, p50, p75, p95 = np.percentile(values, PERCENTILES, axis=0)
    columns = (
        mean,
        deviation,
        p5,
        p25,
        p50,
        p75,
        p95,
        p95 - p5,
        p75 - p25,
        _slope(centred, at_frames),
        _mean_abs_change(values, at_frames),
        _skewness(centred, deviation),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _slope(centred: NDArray[np.float64], at_frames: NDArray[np.intp]) -> NDArray[np.float64]:
    time = at_frames - at_frames.mean()
    spread = np.square(time).sum()
    return np.asarray(time @ centred / spread) if spread else np.zeros(centred.shape[1])


def _mean_abs_change(values: NDArray[np.float64], at_frames: NDArray[np.intp]) -> NDArray[np.float64]:
    changes = np.abs(np.diff(values, axis=0))[np.diff(at_frames) == 1]
    return np.asarray(changes.mean(axis=0)) if len(changes) else np.zeros(values.shape[1])


def _skewness(centred: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Third moment of the standardised values, with no correction for the number of frames."""
    scaled = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0.0)
    return np.asarray((scaled**3).mean(axis=0))
