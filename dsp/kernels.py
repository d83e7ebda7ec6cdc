"""Every @njit function: private, trusting, outputs passed in.

Frames are worked on in groups of `LANES`, one frame a lane, the lane innermost: the compiler turns each lane loop
into vector instructions, and a frame's arithmetic is the same in whichever lane and group it falls. That is why
streamed and whole recordings give identical bits. `fastmath` stays off for the same reason.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numba
import numpy as np
from numpy.typing import NDArray

LANES = 8

F32 = NDArray[np.float32]


def _njit(function: Callable[..., None]) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_njit
def load_frames(
    signal: F32, first: int, hop: int, n_frames: int, pre_emphasis: np.float32, taper: F32, re: F32, im: F32
) -> None:
    """Pre-emphasise and taper `n_frames` frames; even samples to `re`, odd ones to `im`, zeros after the frame.

    `signal[first]` is the first frame's first sample and `signal[first - 1]` the one before it.
    """
    n_half = re.shape[0]
    n_taper = taper.shape[0]
    for k in range(n_half):
        n = 2 * k
        for lane in range(n_frames):
            at = first + lane * hop + n
            even = (signal[at] - pre_emphasis * signal[at - 1]) * taper[n] if n < n_taper else numba.float32(0.0)
            odd = (signal[at + 1] - pre_emphasis * signal[at]) * taper[n + 1] if n + 1 < n_taper else numba.float32(0.0)
            re[k, lane] = even
            im[k, lane] = odd


@_njit
def _radix4_pass(n: int, stride: int, cos: F32, sin: F32, xr: F32, xi: F32, yr: F32, yi: F32) -> None:
    quarter = n // 4
    for p in range(quarter):
        w1r, w1i = cos[p * stride], sin[p * stride]
        w2r, w2i = cos[2 * p * stride], sin[2 * p * stride]
        w3r, w3i = cos[3 * p * stride], sin[3 * p * stride]
        for q in range(stride):
            ia, ib = q + stride * p, q + stride * (p + quarter)
            ic, id_ = q + stride * (p + 2 * quarter), q + stride * (p + 3 * quarter)
            out = q + stride * 4 * p
            for lane in range(LANES):
                ar, ai, br, bi = xr[ia, lane], xi[ia, lane], xr[ib, lane], xi[ib, lane]
                cr, ci, dr, di = xr[ic, lane], xi[ic, lane], xr[id_, lane], xi[id_, lane]
                sr, si, tr, ti = ar + cr, ai + ci, br + dr, bi + di
                ur, ui, vr, vi = ar - cr, ai - ci, bi - di, dr - br
                yr[out, lane] = sr + tr
                yi[out, lane] = si + ti
                er, ei = ur + vr, ui + vi
                yr[out + stride, lane] = w1r * er - w1i * ei
                yi[out + stride, lane] = w1r * ei + w1i * er
                fr, fi = sr - tr, si - ti
                yr[out + 2 * stride, lane] = w2r * fr - w2i * fi
                yi[out + 2 * stride, lane] = w2r * fi + w2i * fr
                gr, gi = ur - vr, ui - vi
                yr[out + 3 * stride, lane] = w3r * gr - w3i * gi
                yi[out + 3 * stride, lane] = w3r * gi + w3i * gr


@_njit
def _radix2_pass(stride: int, xr: F32, xi: F32, yr: F32, yi: F32) -> None:
    for q in range(stride):
        for lane in range(LANES):
            ar, ai, br, bi = xr[q, lane], xi[q, lane], xr[q + stride, lane], xi[q + stride, lane]
            yr[q, lane] = ar + br
            yi[q, lane] = ai + bi
            yr[q + stride, lane] = ar - br
            yi[q + stride, lane] = ai - bi


@_njit
def power_spectra(cos: F32, sin: F32, re: F32, im: F32, spare_re: F32, spare_im: F32, power: F32) -> None:
    """|FFT|^2 of LANES real frames, packed as `load_frames` leaves them: power (n_fft / 2 + 1, LANES).

    A Stockham FFT of half the length (radix 4, a last radix 2 where needed), then the split of the packed spectrum.
    `cos`, `sin`: twiddles of n_fft. The four work arrays are overwritten.
    """
    n_half = re.shape[0]
    xr, xi, yr, yi = re, im, spare_re, spare_im
    n, stride = n_half, 1
    while n >= 4:
        # cos and sin belong to n_fft, twice this transform: every second of them
        _radix4_pass(n, stride, cos[::2], sin[::2], xr, xi, yr, yi)
        xr, xi, yr, yi = yr, yi, xr, xi
        n, stride = n // 4, stride * 4
    if n == 2:
        _radix2_pass(stride, xr, xi, yr, yi)
        xr, xi, yr, yi = yr, yi, xr, xi
    half = numba.float32(0.5)
    for k in range(n_half + 1):
        a, b = k % n_half, (n_half - k) % n_half
        wr, wi = (cos[k], sin[k]) if k < n_half else (numba.float32(-1.0), numba.float32(0.0))
        for lane in range(LANES):
            even_r, even_i = half * (xr[a, lane] + xr[b, lane]), half * (xi[a, lane] - xi[b, lane])
            odd_r, odd_i = half * (xi[a, lane] + xi[b, lane]), half * (xr[b, lane] - xr[a, lane])
            real = even_r + wr * odd_r - wi * odd_i
            imag = even_i + wr * odd_i + wi * odd_r
            power[k, lane] = real * real + imag * imag


@_njit
def log_bank(power: F32, starts: NDArray[np.int64], weights: F32, log_floor: np.float32, out: F32) -> None:
    """log(bank @ power + floor) to out (n_filters, LANES).

    `weights` (n_filters, widest): filter f begins at bin `starts[f]`, zeros after its last bin.
    """
    for f in range(weights.shape[0]):
        for lane in range(LANES):
            out[f, lane] = log_floor
        for k in range(weights.shape[1]):
            w = weights[f, k]
            if w != numba.float32(0.0):
                for lane in range(LANES):
                    out[f, lane] += w * power[starts[f] + k, lane]
        for lane in range(LANES):
            out[f, lane] = math.log(out[f, lane])


@_njit
def matrix_lanes(matrix: F32, values: F32, out: F32) -> None:
    """out (rows, LANES) = matrix (rows, n) @ values (n, LANES), summed in order."""
    for row in range(matrix.shape[0]):
        for lane in range(LANES):
            out[row, lane] = numba.float32(0.0)
        for k in range(matrix.shape[1]):
            w = matrix[row, k]
            for lane in range(LANES):
                out[row, lane] += w * values[k, lane]


@_njit
def store_lanes(values: F32, n_frames: int, column: int, out: F32) -> None:
    """values (n, LANES) -> out[:n_frames, column:column + n], one lane a row."""
    for k in range(values.shape[0]):
        for lane in range(n_frames):
            out[lane, column + k] = values[k, lane]
