"""What is made of power spectra: bands, logarithms, cosine transform, and the shape of a spectrum; LANES frames at once."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit_inner
from dsp.kernels.lanes import LANES, fma, is_below, larger, load, shift_in, splat, square_root, store
from dsp.kernels.logarithm import log

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
DB_A_NEPER = 4.342944819032518
"""10 / ln 10"""


@njit_inner
def log_bank(power: F32, bins: I64, weights: F32, log_floor: np.float32, rows: F32, first_row: int) -> None:
    """log(bank @ power + floor) to rows `first_row` and on.

    `bins` (2, n_filters): filter f weighs the bins from `bins[0, f]` on, with `weights[bins[1, f - 1]:bins[1, f]]`.
    """
    begin = 0
    for f in range(bins.shape[1]):
        start, end = bins[0, f], bins[1, f]
        band = splat(log_floor)
        for k in range(begin, end):
            band = fma(splat(weights[k]), load(power, (start + k - begin) * LANES), band)
        store(rows, (first_row + f) * LANES, log(band))
        begin = end


@njit_inner
def cosine_transform(matrix: F32, rows: F32, from_row: int, to_row: int) -> None:
    """`matrix` (n_mfcc, n_mels) times the rows at `from_row`, to the rows at `to_row`; four sums at a time."""
    n_out, n_in = matrix.shape
    zero = splat(numba.float32(0.0))
    for row in range(0, n_out - n_out % 4, 4):
        a = b = c = d = zero
        for k in range(n_in):
            value = load(rows, (from_row + k) * LANES)
            a = fma(splat(matrix[row, k]), value, a)
            b = fma(splat(matrix[row + 1, k]), value, b)
            c = fma(splat(matrix[row + 2, k]), value, c)
            d = fma(splat(matrix[row + 3, k]), value, d)
        store(rows, (to_row + row) * LANES, a)
        store(rows, (to_row + row + 1) * LANES, b)
        store(rows, (to_row + row + 2) * LANES, c)
        store(rows, (to_row + row + 3) * LANES, d)
    for row in range(n_out - n_out % 4, n_out):
        a = zero
        for k in range(n_in):
            a = fma(splat(matrix[row, k]), load(rows, (from_row + k) * LANES), a)
        store(rows, (to_row + row) * LANES, a)


@njit_inner
def powers(power: F32, rows: F32, to_row: int) -> None:
    """The power spectrum itself."""
    for k in range(0, power.shape[0], LANES):
        store(rows, to_row * LANES + k, load(power, k))


@njit_inner
def decibels(power: F32, log_floor: np.float32, rows: F32, to_row: int) -> None:
    """10 log10(power + floor)."""
    floor, factor = splat(log_floor), splat(numba.float32(DB_A_NEPER))
    for k in range(0, power.shape[0], LANES):
        store(rows, to_row * LANES + k, log(load(power, k) + floor) * factor)


@njit_inner
def centroid_and_rolloff(
    power: F32, bin_hz: np.float32, share: np.float32, magnitudes: F32, rows: F32, centroid_row: int, rolloff_row: int
) -> None:
    """Mean frequency and roll-off of the magnitudes; 0 Hz for silence. Rows below 0 are not written.

    Summed with W. Kahan's compensation: a plain float32 sum of a thousand bins puts one roll-off in 400 a bin off.
    """
    zero, tiny = splat(numba.float32(0.0)), splat(numba.float32(1e-30))
    whole = lost = moment = zero
    for k in range(power.shape[0] // LANES):
        value = square_root(load(power, k * LANES))
        store(magnitudes, k * LANES, value)
        moment = fma(splat(numba.float32(k)), value, moment)
        value = value - lost
        lost = ((whole + value) - whole) - value
        whole = whole + value
    if centroid_row >= 0:
        store(rows, centroid_row * LANES, moment / (whole + tiny) * splat(bin_hz))
    if rolloff_row >= 0:
        wanted = whole * splat(share)
        so_far = lost = bins_below = zero
        for k in range(power.shape[0] // LANES):
            value = load(magnitudes, k * LANES) - lost
            lost = ((so_far + value) - so_far) - value
            so_far = so_far + value
            bins_below = bins_below + is_below(so_far, wanted)
        store(rows, rolloff_row * LANES, bins_below * splat(bin_hz))


@njit_inner
def flux(rows: F32, log_mel_row: int, n_mels: int, n_frames: int, is_first: bool, last_log_mel: F32, to_row: int) -> None:
    """Mean over the bands of what log-mel rose since the frame before; `last_log_mel` carries that over to the next group."""
    zero = splat(numba.float32(0.0))
    risen = zero
    for k in range(n_mels):
        at = (log_mel_row + k) * LANES
        if is_first:
            last_log_mel[k] = rows[at]
        now = load(rows, at)
        risen = risen + larger(now - shift_in(now, last_log_mel[k]), zero)
        last_log_mel[k] = rows[at + n_frames - 1]
    store(rows, to_row * LANES, risen * splat(numba.float32(1.0) / numba.float32(n_mels)))
