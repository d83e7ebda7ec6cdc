"""The tempo of what begins in a recording: the beat that its onsets repeat at.

The method and its constants are those of librosa's `tempo` (B. McFee et al.; after P. Grosche, M. Müller and F. Kurth,
"Cyclic tempogram", 2010, and D. Ellis, "Beat tracking by dynamic programming", 2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ShapeError

WINDOW_S = 8.0
"""Over which onsets are compared with themselves."""
LIKELIEST_BPM, OCTAVES_OF_DOUBT = 120.0, 1.0
"""A tempo is believed in by how near it is to this one: a normal distribution over octaves."""
FASTEST_BPM = 320.0
SHARPNESS = 1e6
TOGETHER_FRAMES = 512
SMALLEST = float(np.finfo(np.float32).tiny)

F64 = NDArray[np.float64]


def tempo(onsets: NDArray[np.float32], frames_a_second: float) -> float:
    """Beats a minute, of how much begins in each frame: (n_frames,) float32, none below 0; 0 where nothing begins.

    Raises ShapeError for another shape or dtype.
    """
    if onsets.ndim != 1 or onsets.dtype != np.float32:
        raise ShapeError(f"want (n_frames,) float32, got {onsets.shape} {onsets.dtype}")
    if not onsets.any():
        return 0.0
    window_frames = int(WINDOW_S * frames_a_second)
    likeness = _autocorrelation(onsets.astype(np.float64), window_frames)
    bpm = 60.0 * frames_a_second / np.arange(1, window_frames)
    belief = -0.5 * (np.log2(bpm / LIKELIEST_BPM) / OCTAVES_OF_DOUBT) ** 2
    belief[bpm >= FASTEST_BPM] = -np.inf
    return float(bpm[np.argmax(np.log1p(SHARPNESS * likeness[1:]) + belief)])


def _autocorrelation(onsets: F64, window_frames: int) -> F64:
    """Mean over windows around every frame, each by its own largest: (n_frames,) -> (window_frames,)."""
    half = window_frames // 2
    # librosa's, so that windows that hang over an end find something fading there
    padded = np.pad(onsets, half, mode="linear_ramp")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window_frames)[: len(onsets)]
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window_frames) / window_frames)
    whole = np.zeros(window_frames)
    for start in range(0, len(windows), TOGETHER_FRAMES):
        spectra = np.fft.rfft(windows[start : start + TOGETHER_FRAMES] * taper, 2 * window_frames, axis=1)
        alike = np.fft.irfft(np.square(np.abs(spectra)), axis=1)[:, :window_frames]
        largest = np.abs(alike).max(axis=1, keepdims=True)
        whole += (alike / np.where(largest < SMALLEST, 1.0, largest)).sum(axis=0)
    return np.asarray(whole / len(windows))
