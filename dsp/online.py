"""Feature frames of a stream, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp import framing
from dsp.errors import ShapeError
from dsp.frontend import FRAMES_AT_ONCE, FrontEnd, take_samples
from dsp.params import FrontEndParams


class OnlineFrontEnd:
    """Takes blocks of any length up to `max_block_samples`; gives each frame as soon as its last sample is there."""

    def __init__(self, params: FrontEndParams, max_block_samples: int) -> None:
        self.params = params
        self.max_block_samples = max_block_samples
        self._front_end = FrontEnd(params)
        # what the next frame needs of the past, what waits, a block that comes
        self._n_before = self._front_end.n_before
        waiting_samples = params.frame_samples + (FRAMES_AT_ONCE + 1) * params.hop_samples
        self._signal = np.zeros(self._n_before + waiting_samples + max_block_samples + self._front_end.n_after, np.float32)
        self._n_waiting = 0
        self._frames = np.empty((max_block_samples // params.hop_samples + 1 + FRAMES_AT_ONCE, params.n_features), np.float32)
        self.n_frames = 0
        """Frames given so far: the number of the next one."""

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) float32, full scale 1.0 -> the frames it completes, (k, n_features) float32: `take`, then `compute`."""
        self.take(samples)
        return self.compute()

    def take(self, samples: NDArray[np.float32]) -> None:
        """Keep (n,) float32, full scale 1.0, for frames that are computed later, at most FRAMES_AT_ONCE of them.

        Raises ShapeError, and SampleError for a sample that is not finite: then nothing of the block is heard.
        """
        samples = framing.require_mono_f32(samples)
        if len(samples) > self.max_block_samples:
            raise ShapeError(f"want blocks of at most {self.max_block_samples} samples, got {len(samples)}")
        if self.n_due > FRAMES_AT_ONCE:
            raise ShapeError(f"want {self.n_due} frames computed before more is taken: at most {FRAMES_AT_ONCE} may wait")
        take_samples(samples, self._signal, self._n_before + self._n_waiting)
        self._n_waiting += len(samples)

    @property
    def n_due(self) -> int:
        """Frames whose samples are there, and that are not computed yet."""
        return framing.n_frames(self._n_waiting, self.params)

    def compute(self) -> NDArray[np.float32]:
        """The frames that are due, (k, n_features) float32: a view that the next call overwrites."""
        count = self.n_due
        self._front_end.fill(self._signal, self._n_before, count, self._frames)
        self._drop(count * self.params.hop_samples)
        self.n_frames += count
        return self._frames[:count]

    def _drop(self, n_samples: int) -> None:
        if n_samples:
            kept = self._n_before + self._n_waiting - n_samples
            self._signal[:kept] = self._signal[n_samples : n_samples + kept]
            self._n_waiting -= n_samples
