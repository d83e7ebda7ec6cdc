"""Features brought to a common scale: of a whole utterance, or of a stream by what was heard so far."""

from __future__ import annotations

import math
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError, ShapeError
from dsp.functionals import require_finite_frames


def standardise(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each column with mean 0 and deviation 1 over the utterance: (n_frames, n_columns) float32 -> the same.

    A constant column becomes 0; no frames stay no frames. Raises ShapeError, also for a value that is not finite.
    """
    centred = _centred(frames)
    deviation = np.sqrt(np.square(centred).mean(axis=0)) if len(centred) else np.zeros(centred.shape[1])
    return _quotient(centred, deviation)


def mean_normalise(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each column less its mean over the utterance, which takes a fixed channel out of log spectra and MFCC.

    Shapes and errors are those of `standardise`.
    """
    return _centred(frames).astype(np.float32)


def min_max(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each column from 0, its least value in the utterance, to 1, its greatest.

    Shapes, errors and constant columns are those of `standardise`.
    """
    values = require_finite_frames(frames).astype(np.float64)
    if not len(values):
        return values.astype(np.float32)
    low = values.min(axis=0)
    return _quotient(values - low, values.max(axis=0) - low)


def _centred(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    values = require_finite_frames(frames).astype(np.float64)
    return values - values.mean(axis=0) if len(values) else values


def _quotient(values: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > 0.0).astype(np.float32)


class RunningStatistics:
    """Mean and deviation of each column over all frames so far, in memory that does not grow.

    One update a frame, so that the bits do not depend on how the stream is cut. With a half-life, a frame weighs half
    as much as one that comes so many frames later; the weights are those of the frames, not of time. After Welford
    (1962), weighted as in West (1979).
    """

    def __init__(self, n_columns: int, half_life_frames: float | None = None) -> None:
        if n_columns < 1:
            raise ParamError(f"n_columns is {n_columns}: want at least 1")
        if half_life_frames is not None and not 0.0 < half_life_frames < math.inf:
            raise ParamError(f"half_life_frames is {half_life_frames}: want frames above zero, or None to forget nothing")
        self.n_columns = n_columns
        self.half_life_frames = half_life_frames
        self.weight_frames = 0.0
        """Frames that the statistics rest on; with forgetting, the sum of their weights."""
        self._keep = 1.0 if half_life_frames is None else 0.5 ** (1.0 / half_life_frames)
        self._mean = np.zeros(n_columns)
        self._squares = np.zeros(n_columns)  # weighed sum of the squared distances from the mean
        self._delta = np.empty(n_columns)
        self._step = np.empty(n_columns)

    @property
    def mean(self) -> NDArray[np.float64]:
        """(n_columns,), a copy; 0 before the first frame."""
        return self._mean.copy()

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(n_columns,), of the frames at hand (divided by their weight, not one less); 0 before the first frame."""
        return np.sqrt(self._squares / max(self.weight_frames, 1.0))

    def push(self, frames: NDArray[np.float32]) -> None:
        """Take (k, n_columns) frames, 0 <= k. Raises ShapeError, then with nothing taken."""
        for frame in self.require(frames):
            self.push_frame(frame)

    def push_frame(self, frame: NDArray[np.float32]) -> None:
        """Take one frame, (n_columns,), that `require` has seen."""
        delta, step = self._delta, self._step
        self.weight_frames = self.weight_frames * self._keep + 1.0
        np.subtract(frame, self._mean, out=delta)
        np.divide(delta, self.weight_frames, out=step)
        self._mean += step
        self._squares *= self._keep
        np.subtract(frame, self._mean, out=step)
        delta *= step
        self._squares += delta

    def require(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """`frames` as they are; ShapeError unless (k, n_columns) float32 and finite."""
        checked = require_finite_frames(frames)
        if checked.shape[1] != self.n_columns:
            raise ShapeError(f"want (k, {self.n_columns}) float32, got {checked.shape} {checked.dtype}")
        return checked

    def state(self) -> dict[str, Any]:
        """Everything, as plain numbers and lists of them, ready for JSON."""
        return {
            "half_life_frames": self.half_life_frames,
            "weight_frames": self.weight_frames,
            "mean": self._mean.tolist(),
            "squares": self._squares.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RunningStatistics:
        """The reverse of `state`, to the last bit. Raises ParamError for anything that `state` cannot have given."""
        keys = {"half_life_frames", "weight_frames", "mean", "squares"}
        if set(state) != keys:
            raise ParamError(f"running statistics hold {', '.join(sorted(state)) or 'nothing'}: want {', '.join(sorted(keys))}")
        half_life_frames = None if state["half_life_frames"] is None else _number(state["half_life_frames"], "half_life_frames")
        mean, squares = _numbers(state["mean"], "mean"), _numbers(state["squares"], "squares")
        weight_frames = _number(state["weight_frames"], "weight_frames")
        if len(mean) != len(squares) or min(squares, default=0.0) < 0.0:
            raise ParamError("running statistics: want mean and squares of one length, squares not below zero")
        if weight_frames < 1.0 and weight_frames != 0.0:
            raise ParamError(f"running statistics: weight_frames is {weight_frames}: want 0, or at least 1")
        made = cls(len(mean), half_life_frames)
        made.weight_frames = weight_frames
        made._mean[:] = mean
        made._squares[:] = squares
        return made


class RunningNormaliser:
    """Each frame by the mean and deviation of the stream so far, that frame included; nothing looks ahead.

    The first frame is therefore 0, and the next few are rough: give it statistics that have already heard something
    where that matters. They are updated in place.
    """

    def __init__(self, statistics: RunningStatistics, *, scale: bool = True) -> None:
        self.statistics = statistics
        self.scale = scale
        """Whether to divide by the deviation; without, only the mean is taken off."""

    def push(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(k, n_columns) float32, 0 <= k -> the same; a column that never changed is 0. Raises ShapeError, nothing taken."""
        checked = self.statistics.require(frames)
        out = np.empty(checked.shape, np.float32)
        for frame, normalised in zip(checked, out):
            self.statistics.push_frame(frame)
            normalised[:] = self._normalised(frame)
        return out

    def _normalised(self, frame: NDArray[np.float32]) -> NDArray[np.float64]:
        centred = frame - self.statistics.mean
        if not self.scale:
            return centred
        deviation = self.statistics.deviation
        return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0.0)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ParamError(f"running statistics: {name} is {value!r}: want a finite number")
    return float(value)


def _numbers(values: Any, name: str) -> list[float]:
    if not isinstance(values, list):
        raise ParamError(f"running statistics: {name} is {values!r}: want a list of numbers")
    return [_number(value, name) for value in values]
