"""The frames that the model sees at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

import numpy as np
from numpy.typing import NDArray

from dsp import framing
from dsp.errors import ShapeError
from dsp.params import FrontEndParams


@dataclass(frozen=True)
class FeatureWindow:
    """One look of the model at the sound."""

    values: NDArray[np.float32]
    """(window_frames, n_features), or as many frames as a piece has; read-only."""
    end_sample: int
    """Index just past the newest sample heard."""


class SlidingWindow:
    """Keeps the last `window_frames` frames of an utterance; gives a window when it is first full, then every stride."""

    def __init__(self, params: FrontEndParams, window_frames: int, stride_frames: int) -> None:
        _require_lengths(window_frames, stride_frames)
        self.params = params
        self.window_frames = window_frames
        self.stride_frames = stride_frames
        # each frame is written twice, a window's length apart: the newest window always lies in one piece
        self._frames = np.zeros((2 * window_frames, params.n_features), np.float32)
        self.begin(first_frame=0)

    def begin(self, first_frame: int) -> None:
        """Forget everything: an utterance begins with frame number `first_frame` of the stream."""
        self._next_frame = first_frame
        self._n_held = 0
        self._due_in = self.window_frames

    @property
    def due_in(self) -> int:
        """So many frames more, and a window falls due."""
        return self._due_in

    def push(self, frames: NDArray[np.float32]) -> Iterator[FeatureWindow]:
        """Take (k, n_features) frames; give each window that falls due among them. Raises ShapeError."""
        _require_frames(frames, self.params)
        for frame in frames:
            at = self._n_held % self.window_frames
            self._frames[at] = frame
            self._frames[at + self.window_frames] = frame
            self._n_held += 1
            self._next_frame += 1
            self._due_in -= 1
            if self._due_in == 0:
                self._due_in = self.stride_frames
                yield self._window()

    def finish(self) -> Iterator[FeatureWindow]:
        """Give the utterance's last window, unless the last frame already ended one.

        An utterance shorter than a window is heard again and again until it fills one: unlike padding with zeros, that
        leaves its mean, its deviation and its level as they are. Nothing at all gives no window.
        """
        if 0 < self._n_held < self.window_frames:
            self._frames[: self.window_frames] = tile(self._frames[: self._n_held], self.window_frames)
            yield FeatureWindow(_frozen(self._frames[: self.window_frames]), self._end_sample())
        elif self._n_held and self._due_in != self.stride_frames:
            yield self._window()

    def _window(self) -> FeatureWindow:
        start = self._n_held % self.window_frames
        return FeatureWindow(_frozen(self._frames[start : start + self.window_frames]), self._end_sample())

    def _end_sample(self) -> int:
        return framing.end_sample(self._next_frame - 1, self.params)


class Pieces(SlidingWindow):
    """Cuts an utterance into pieces of `stride_frames`, each given as it is full; the last one is what is left."""

    def __init__(self, params: FrontEndParams, stride_frames: int) -> None:
        super().__init__(params, stride_frames, stride_frames)

    def finish(self) -> Iterator[FeatureWindow]:
        """Give the frames since the last piece, if there are any."""
        n_left = self._n_held % self.stride_frames
        if n_left:
            yield FeatureWindow(_frozen(self._frames[:n_left]), self._end_sample())


def tile(frames: NDArray[np.float32], window_frames: int) -> NDArray[np.float32]:
    """(k, n) frames repeated from the start until there are `window_frames`, 0 < k."""
    return frames[np.arange(window_frames) % len(frames)]


def utterance_windows(
    frames: NDArray[np.float32], params: FrontEndParams, window_frames: int, stride_frames: int
) -> NDArray[np.float32]:
    """All windows of one utterance, as `SlidingWindow` gives them: (k, n) -> (n_windows, window_frames, n) float32.

    Raises ShapeError when there is no frame.
    """
    _require_lengths(window_frames, stride_frames)
    _require_frames(frames, params)
    n_frames = len(frames)
    if n_frames == 0:
        raise ShapeError("want at least one frame, got none: the utterance is shorter than a frame")
    if n_frames < window_frames:
        return tile(frames, window_frames)[np.newaxis]
    last = n_frames - window_frames
    begins = list(range(0, last + 1, stride_frames))
    if begins[-1] != last:
        begins.append(last)
    return np.stack([frames[begin : begin + window_frames] for begin in begins])


def _require_lengths(window_frames: int, stride_frames: int) -> None:
    if window_frames < 1 or stride_frames < 1:
        raise ShapeError(f"want a window and a stride of at least 1 frame, got {window_frames} and {stride_frames}")


def _require_frames(frames: NDArray[np.float32], params: FrontEndParams) -> None:
    if frames.ndim != 2 or frames.shape[1] != params.n_features or frames.dtype != np.float32:
        raise ShapeError(f"want (k, {params.n_features}) float32, got {frames.shape} {frames.dtype}")


def _frozen(values: NDArray[np.float32]) -> NDArray[np.float32]:
    copy = values.copy()
    copy.flags.writeable = False
    return copy
