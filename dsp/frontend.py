"""The tables, work space and state that turn samples into feature frames, whole or streamed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp import running_functionals, tables
from dsp.errors import SampleError
from dsp.kernels.frames import extract, extract_deltas, extract_pitch
from dsp.kernels.lanes import LANES
from dsp.kernels.levels import LARGEST_SAMPLE, take_in
from dsp.params import MFCC_DELTA, PITCH, FrontEndParams

FRAMES_AT_ONCE = LANES
"""So many cost what one does."""


class FrontEnd:
    """Feature frames of one stream, from samples that lie together in memory. For one thread at a time."""

    def __init__(self, params: FrontEndParams) -> None:
        self.params = params
        self.n_before = max(LANES, params.pitch_window_samples - params.frame_samples if PITCH in params.kinds else 0)
        """Samples that must lie before the first frame's first: those of the stream, zeros before its start."""
        self.n_after = LANES
        """Samples that must lie after the last frame's last, whatever they are."""
        self._tables = tables.tables(params)
        self._numbers = self._tables.numbers
        self._work = tables.work(params)
        self._deltas = tables.delta_work(params) if MFCC_DELTA in params.kinds else None
        self._pitch = (*tables.pitch_tables(params), *tables.pitch_work(params)) if PITCH in params.kinds else None
        self._begins = True

    def fill(self, signal: NDArray[np.float32], first_sample: int, n_frames: int, out: NDArray[np.float32]) -> None:
        """Write the stream's next frames into out[:n_frames]: (>= n_frames, n_features) float32.

        `signal[first_sample]` is the first frame's first sample; see `n_before` and `n_after` for what lies around.
        """
        if n_frames == 0:
            return
        extract(signal, first_sample, n_frames, self._begins, *self._tables, *self._work, out)
        if self._deltas is not None:
            extract_deltas(n_frames, self._begins, self._numbers, *self._deltas, out)
        if self._pitch is not None:
            extract_pitch(signal, first_sample, n_frames, self._numbers, *self._pitch, out)
        self._begins = False


def take_samples(samples: NDArray[np.float32], signal: NDArray[np.float32], at: int) -> None:
    """Copy samples to signal[at:], those below -200 dB of full scale as zeros. SampleError for one that is no sound."""
    if take_in(samples, signal, at):
        wrong = int(np.flatnonzero(~(np.abs(samples) <= np.float32(LARGEST_SAMPLE)))[0])
        raise SampleError(f"sample {wrong} is {samples[wrong]}: want finite values, full scale 1.0")


def kernels_kept_in() -> str | None:
    """The folder that keeps the compiled kernels for the next start; None where none can be written to."""
    folder: str | None = extract.stats.cache_path
    return folder


def warm_up(params: FrontEndParams) -> None:
    """Compile every kernel, or load it from Numba's cache on disk, so that no block of sound waits for a compiler."""
    front_end = FrontEnd(params)
    signal = np.zeros(front_end.n_before + params.frame_samples + front_end.n_after, np.float32)
    take_samples(np.zeros(1, np.float32), signal, 0)
    front_end.fill(signal, front_end.n_before, 1, np.zeros((1, params.n_features), np.float32))
    if running_functionals.has_functionals(params):
        running_functionals.warm_up(params)
