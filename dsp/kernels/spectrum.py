"""From samples to power spectra, LANES frames at once."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit_inner
from dsp.kernels.lanes import LANES, fma, fms, load, load_across, splat, store

F32 = NDArray[np.float32]


@njit_inner
def work_arrays(work: F32, power: F32) -> tuple[F32, F32, F32, F32]:
    """The parts of `work` (4, more than n_fft / 2 * LANES) that an FFT works in: re, im and two spare ones.

    `power`: n_fft / 2 + 1 rows.
    """
    n = power.shape[0] - LANES
    return work[0, :n], work[1, :n], work[2, :n], work[3, :n]


@njit_inner
def load_frames(
    signal: F32, first: int, hop: int, n_frames: int, pre_emphasis: np.float32, half_taper: F32, re: F32, im: F32
) -> None:
    """Pre-emphasise and taper `n_frames` frames; even samples to `re`, odd ones to `im`, zeros after the frame.

    `signal[first]` is the first frame's first sample; LANES samples before it and after the last frame must be there to
    read. `half_taper` is halved, which takes the halves out of the split of the spectrum, and ends with zeros that make
    its length a multiple of LANES.
    """
    factor = splat(-pre_emphasis)
    before = load_across(signal, first - LANES, hop, n_frames - 1)[LANES - 1]
    at = 0
    for n in range(0, half_taper.shape[0], LANES):
        a, b, c, d, e, f, g, h = load_across(signal, first + n, hop, n_frames - 1)
        store(re, at, fma(factor, before, a) * splat(half_taper[n]))
        store(im, at, fma(factor, a, b) * splat(half_taper[n + 1]))
        store(re, at + LANES, fma(factor, b, c) * splat(half_taper[n + 2]))
        store(im, at + LANES, fma(factor, c, d) * splat(half_taper[n + 3]))
        store(re, at + 2 * LANES, fma(factor, d, e) * splat(half_taper[n + 4]))
        store(im, at + 2 * LANES, fma(factor, e, f) * splat(half_taper[n + 5]))
        store(re, at + 3 * LANES, fma(factor, f, g) * splat(half_taper[n + 6]))
        store(im, at + 3 * LANES, fma(factor, g, h) * splat(half_taper[n + 7]))
        before = h
        at += 4 * LANES
    re[at:] = numba.float32(0.0)
    im[at:] = numba.float32(0.0)


@njit_inner
def _radix4_pass(n: int, stride: int, cos: F32, sin: F32, xr: F32, xi: F32, yr: F32, yi: F32) -> None:
    """`cos` and `sin` belong to twice the transform's length: every second of them is taken."""
    quarter = n // 4
    apart = stride * quarter * LANES
    to_next = stride * LANES
    for p in range(quarter):
        w = 2 * p * stride
        w1r, w1i = splat(cos[w]), splat(sin[w])
        w2r, w2i = splat(cos[2 * w]), splat(sin[2 * w])
        w3r, w3i = splat(cos[3 * w]), splat(sin[3 * w])
        for q in range(stride):
            at = (q + stride * p) * LANES
            out = (q + stride * 4 * p) * LANES
            ar, ai, br, bi = load(xr, at), load(xi, at), load(xr, at + apart), load(xi, at + apart)
            cr, ci = load(xr, at + 2 * apart), load(xi, at + 2 * apart)
            dr, di = load(xr, at + 3 * apart), load(xi, at + 3 * apart)
            sr, si, tr, ti = ar + cr, ai + ci, br + dr, bi + di
            ur, ui, vr, vi = ar - cr, ai - ci, bi - di, dr - br
            store(yr, out, sr + tr)
            store(yi, out, si + ti)
            er, ei = ur + vr, ui + vi
            store(yr, out + to_next, fms(w1r, er, w1i * ei))
            store(yi, out + to_next, fma(w1r, ei, w1i * er))
            fr, fi = sr - tr, si - ti
            store(yr, out + 2 * to_next, fms(w2r, fr, w2i * fi))
            store(yi, out + 2 * to_next, fma(w2r, fi, w2i * fr))
            gr, gi = ur - vr, ui - vi
            store(yr, out + 3 * to_next, fms(w3r, gr, w3i * gi))
            store(yi, out + 3 * to_next, fma(w3r, gi, w3i * gr))


@njit_inner
def _last_radix4_pass(stride: int, xr: F32, xi: F32, yr: F32, yi: F32) -> None:
    """As `_radix4_pass` for n = 4, where every factor is 1."""
    apart = stride * LANES
    for at in range(0, apart, LANES):
        ar, ai, br, bi = load(xr, at), load(xi, at), load(xr, at + apart), load(xi, at + apart)
        cr, ci = load(xr, at + 2 * apart), load(xi, at + 2 * apart)
        dr, di = load(xr, at + 3 * apart), load(xi, at + 3 * apart)
        sr, si, tr, ti = ar + cr, ai + ci, br + dr, bi + di
        ur, ui, vr, vi = ar - cr, ai - ci, bi - di, dr - br
        store(yr, at, sr + tr)
        store(yi, at, si + ti)
        store(yr, at + apart, ur + vr)
        store(yi, at + apart, ui + vi)
        store(yr, at + 2 * apart, sr - tr)
        store(yi, at + 2 * apart, si - ti)
        store(yr, at + 3 * apart, ur - vr)
        store(yi, at + 3 * apart, ui - vi)


@njit_inner
def _last_radix2_pass(stride: int, xr: F32, xi: F32, yr: F32, yi: F32) -> None:
    apart = stride * LANES
    for at in range(0, apart, LANES):
        ar, ai, br, bi = load(xr, at), load(xi, at), load(xr, at + apart), load(xi, at + apart)
        store(yr, at, ar + br)
        store(yi, at, ai + bi)
        store(yr, at + apart, ar - br)
        store(yi, at + apart, ai - bi)


@njit_inner
def transform(cos: F32, sin: F32, re: F32, im: F32, spare_re: F32, spare_im: F32) -> bool:
    """Complex FFT of LANES sequences: Stockham, radix 4, a last radix 2 where the length wants it.

    All four arrays are overwritten; True when the result is in `re` and `im`, else it is in the spare ones.
    `cos`, `sin`: twiddles of twice the length, as the split of a real spectrum needs them.
    """
    n, stride = re.shape[0] // LANES, 1
    xr, xi, yr, yi = re, im, spare_re, spare_im
    in_place = True
    while n > 1:
        if n > 4:
            _radix4_pass(n, stride, cos, sin, xr, xi, yr, yi)
        elif n == 4:
            _last_radix4_pass(stride, xr, xi, yr, yi)
        else:
            _last_radix2_pass(stride, xr, xi, yr, yi)
        xr, xi, yr, yi = yr, yi, xr, xi
        in_place = not in_place
        n, stride = n // 4, stride * 4
    return in_place


@njit_inner
def split_power(cos: F32, sin: F32, xr: F32, xi: F32, power: F32) -> None:
    """The spectrum of two half-length sequences in one: bins k and n_half - k of the real one share their sums."""
    n_half = xr.shape[0] // LANES
    zero_r, zero_i = load(xr, 0), load(xi, 0)
    # halved samples: a bin is the sum of two here
    low, high = (zero_r + zero_i) + (zero_r + zero_i), (zero_r - zero_i) + (zero_r - zero_i)
    store(power, 0, low * low)
    store(power, n_half * LANES, high * high)
    for k in range(1, n_half // 2 + 1):
        a, b = k * LANES, (n_half - k) * LANES
        ar, ai, br, bi = load(xr, a), load(xi, a), load(xr, b), load(xi, b)
        even_r, even_i = ar + br, ai - bi
        odd_r, odd_i = ai + bi, br - ar
        wr, wi = splat(cos[k]), splat(sin[k])
        turned_r, turned_i = fms(wr, odd_r, wi * odd_i), fma(wr, odd_i, wi * odd_r)
        real, imag = even_r + turned_r, even_i + turned_i
        store(power, a, fma(real, real, imag * imag))
        real, imag = even_r - turned_r, even_i - turned_i
        store(power, b, fma(real, real, imag * imag))


@njit_inner
def power_spectra(cos: F32, sin: F32, re: F32, im: F32, spare_re: F32, spare_im: F32, power: F32) -> None:
    """|FFT|^2 of LANES real frames, packed and halved as `load_frames` leaves them: power (n_fft / 2 + 1) rows.

    `cos`, `sin`: twiddles of n_fft. The four work arrays are overwritten.
    """
    if transform(cos, sin, re, im, spare_re, spare_im):
        split_power(cos, sin, re, im, power)
    else:
        split_power(cos, sin, spare_re, spare_im, power)
