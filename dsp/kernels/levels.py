"""Loudness and sign changes of raw samples, one frame at a time; and the door through which samples come in."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit, njit_inner
from dsp.kernels.lanes import LANES, fma, is_below, load, magnitude, splat, total

F32 = NDArray[np.float32]

LARGEST_SAMPLE = 1e12
"""Its power in a spectrum is still a float32. Full scale is 1."""
SMALLEST_SAMPLE = 1e-10
"""200 dB below full scale. Less counts as zero: its powers would fall among the denormal numbers, which take a processor a
hundred times as long."""


@njit
def take_in(samples: F32, signal: F32, at: int) -> int:
    """Copy `samples` to `signal[at:]`, the smallest as zeros; how many are not finite or beyond `LARGEST_SAMPLE`.

    Those become zeros too: the work space stays finite, whatever it was given.
    """
    n_bad = 0
    for k in range(samples.shape[0]):
        size = abs(samples[k])
        is_sound = size <= numba.float32(LARGEST_SAMPLE)
        n_bad += not is_sound
        signal[at + k] = samples[k] if is_sound and size >= numba.float32(SMALLEST_SAMPLE) else numba.float32(0.0)
    return n_bad


@njit_inner
def mean_square(signal: F32, first: int, n_samples: int) -> np.float32:
    """Of n_samples from `signal[first]` on."""
    in_lanes = splat(numba.float32(0.0))
    n_whole = n_samples - n_samples % LANES
    for n in range(first, first + n_whole, LANES):
        values = load(signal, n)
        in_lanes = fma(values, values, in_lanes)
    result = total(in_lanes)
    for n in range(first + n_whole, first + n_samples):
        result += signal[n] * signal[n]
    mean: np.float32 = result / numba.float32(n_samples)
    return mean


@njit_inner
def sign_changes(signal: F32, first: int, n_samples: int) -> np.float32:
    """Between neighbours of n_samples from `signal[first]` on; zero counts as positive."""
    zero = splat(numba.float32(0.0))
    in_lanes = zero
    n_whole = (n_samples - 1) - (n_samples - 1) % LANES
    for n in range(first, first + n_whole, LANES):
        in_lanes = in_lanes + magnitude(is_below(load(signal, n), zero) - is_below(load(signal, n + 1), zero))
    result: np.float32 = total(in_lanes)
    for n in range(first + n_whole, first + n_samples - 1):
        result += numba.float32((signal[n] < numba.float32(0.0)) != (signal[n + 1] < numba.float32(0.0)))
    return result
