"""The pitch of a whole recording, by Boersma's method (1993) as he has it: what is measured later looks at it from both sides.

The front end's own pitch, of a stream, stands in each frame on the best path so far; this one is chosen from the end.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ShapeError
from dsp.kernels import path
from dsp.kernels.pitch import MAX_CANDIDATES
from dsp.params import PERIODS_A_PITCH_WINDOW, FrontEndParams
from dsp.spectrum import hann

TOGETHER_FRAMES = 128
QUIETEST = 1e-30
"""A window of less energy is silent, and a recording whose loudest sample is no louder."""

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class PitchContour(NamedTuple):
    """Where the frames are, and what is in them."""

    hz: F32
    """(n_frames,); 0 where no voice sounds."""
    first: float
    """Middle of the first frame, in samples."""
    hop_samples: int
    sample_rate_hz: int

    def stretches(self) -> Iterator[tuple[int, int]]:
        """First frame of each voiced stretch, and that behind its last."""
        voiced = np.concatenate([[False], self.hz > 0.0, [False]])
        edges = np.flatnonzero(voiced[1:] != voiced[:-1]).tolist()
        return zip(edges[::2], edges[1::2])


def pitch_contour(
    samples: NDArray[Any], params: FrontEndParams, on_done: Callable[[float], None] = lambda _: None
) -> PitchContour:
    """Of (n,) float32 or int16; frames lie amid the recording, and are none where it is shorter than one.

    Of `params` count the rate, the hop, and the pitch's floor and ceiling. `on_done` is told how many seconds are done. Raises
    ShapeError for another shape or dtype.
    """
    require_recording(samples)
    shape = _Shape(params)
    hop = params.hop_samples
    n_frames = max(0, (len(samples) - shape.whole) // hop + 1)
    first = (len(samples) - 1 - (n_frames - 1) * hop) / 2
    hz, loudness = np.zeros(n_frames, np.float32), np.zeros(n_frames, np.float32)
    found, counts = np.zeros((n_frames, 2, MAX_CANDIDATES), np.float32), np.zeros(n_frames, np.int8)
    for start in range(0, n_frames, TOGETHER_FRAMES):
        part = slice(start, min(n_frames, start + TOGETHER_FRAMES))
        lags, loudness[part] = shape.autocorrelations(samples, int(first) + hop * start, hop, part.stop - start)
        path.candidates(lags, float(params.sample_rate_hz), found[part], counts[part])
        on_done(part.stop * hop / params.sample_rate_hz)
    if n_frames:
        loudness /= max(_loudest(samples), QUIETEST)
        path.best_path(found, counts, loudness, params.pitch_ceiling_hz, hop / params.sample_rate_hz, hz)
    return PitchContour(hz, first, hop, params.sample_rate_hz)


def require_recording(samples: NDArray[Any]) -> None:
    """Raises ShapeError unless (n,) float32 or int16."""
    if samples.ndim != 1 or samples.dtype not in (np.float32, np.int16):
        raise ShapeError(f"want mono, (n,) float32 or int16, got {samples.shape} {samples.dtype}")


class _Shape:
    """A window of the pitch, and what of it is looked at."""

    def __init__(self, params: FrontEndParams) -> None:
        self._period = int(params.sample_rate_hz / params.pitch_floor_hz)
        self.whole = int(PERIODS_A_PITCH_WINDOW * params.sample_rate_hz / params.pitch_floor_hz)
        self._half = self.whole // 2 - 1
        self._taper = hann(2 * self._half + 2)[1:-1].astype(np.float64)
        self._n_lags = self.whole // PERIODS_A_PITCH_WINDOW + 3
        self._n_fft = 1 << (2 * self._half + self._n_lags).bit_length()
        own = self._normalised(self._taper[None])
        self._taper_lags = own[0]

    def autocorrelations(self, samples: NDArray[Any], left: int, hop: int, n: int) -> tuple[F64, F32]:
        """Of `n` windows, `hop` apart, of which the first has `left` just before its middle: (n, n_lags).

        And the largest sample near each middle, under the taper: (n,).
        """
        together = samples[left + 1 - self._half : left + 1 + self._half + (n - 1) * hop]
        windows = np.lib.stride_tricks.sliding_window_view(together, 2 * self._half)[::hop].astype(np.float64)
        middle = slice(self._half - self._period, self._half + self._period)
        windows -= windows[:, middle].mean(axis=1, keepdims=True)
        windows *= self._taper
        near = slice(self._half - self._period // 2 - 1, self._half + self._period // 2 + 1)
        peaks = np.abs(windows[:, near]).max(axis=1)
        return self._normalised(windows) / self._taper_lags, peaks.astype(np.float32)

    def _normalised(self, windows: F64) -> F64:
        spectra = np.fft.rfft(windows, self._n_fft, axis=1)
        lags = np.fft.irfft(np.square(spectra.real) + np.square(spectra.imag), axis=1)[:, : self._n_lags]
        return np.asarray(lags / np.maximum(lags[:, :1], QUIETEST))


def _loudest(samples: NDArray[Any]) -> float:
    """Largest distance from the mean."""
    mean = float(samples.mean(dtype=np.float64))
    return max(float(samples.max()) - mean, mean - float(samples.min()))
