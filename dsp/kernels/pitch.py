"""Pitch: the autocorrelation of LANES frames at once, then the likeliest path through each frame's candidates.

After P. Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", whose costs and thresholds are taken too. Two things differ, since a stream has no end to wait for: the path
is never looked at backwards, so a frame's pitch is where the best path stands in that frame; and the loudness that silence is
measured against is the loudest so far, forgotten by half every `PEAK_HALF_LIFE_S`. Peaks are interpolated by a parabola.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit_inner
from dsp.kernels.lanes import LANES, fms, larger, load, load_across, magnitude, reaches, splat, store
from dsp.kernels.spectrum import split_power, transform, work_arrays

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

MAX_CANDIDATES = 15
SILENCE_THRESHOLD = 0.03
VOICING_THRESHOLD = 0.45
OCTAVE_COST = 0.01
OCTAVE_JUMP_COST = 0.35
VOICED_UNVOICED_COST = 0.14
COSTS_ARE_FOR_S = 0.01
"""The costs of a change are those of frames 10 ms apart."""
PEAK_HALF_LIFE_S = 10.0


@njit_inner
def autocorrelations(
    signal: F32,
    first: int,
    hop: int,
    n_frames: int,
    taper: F32,
    cos: F32,
    sin: F32,
    work: F32,
    power: F32,
    lags: F32,
    peaks: F32,
) -> None:
    """Normalised autocorrelation of tapered stretches of signal, one a lane, mean taken off, to `lags` (n_lags rows).

    `peaks` (LANES): the largest magnitude in the middle third of each stretch. The taper's own autocorrelation is not yet
    divided out. `work`: see `work_arrays`.
    """
    re, im, spare_re, spare_im = work_arrays(work, power)
    _load_centred(signal, first, hop, n_frames, taper, re, im, peaks)
    n_half = re.shape[0] // LANES
    swapped = not transform(cos, sin, re, im, spare_re, spare_im)
    xr, xi, yr, yi = (spare_re, spare_im, re, im) if swapped else (re, im, spare_re, spare_im)
    split_power(cos, sin, xr, xi, power)
    _mirror(power, yr, yi)
    if not transform(cos, sin, yr, yi, xr, xi):
        yr, yi = xr, xi
    zero = load(yr, 0) + load(yi, 0)
    whole = splat(numba.float32(0.5)) / (zero + splat(numba.float32(1e-30)))
    for k in range(1, lags.shape[0] // LANES):
        a, b = k * LANES, (n_half - k) * LANES
        ar, ai, br, bi = load(yr, a), load(yi, a), load(yr, b), load(yi, b)
        turned = fms(splat(cos[k]), ai + bi, splat(sin[k]) * (br - ar))
        store(lags, a, (ar + br + turned) * whole)
    store(lags, 0, zero * (whole + whole))


@njit_inner
def _load_centred(signal: F32, first: int, hop: int, n_frames: int, taper: F32, re: F32, im: F32, peaks: F32) -> None:
    n_taper = taper.shape[0]
    whole = splat(numba.float32(0.0))
    for n in range(0, n_taper, LANES):
        a, b, c, d, e, f, g, h = load_across(signal, first + n, hop, n_frames - 1)
        whole = whole + (((a + b) + (c + d)) + ((e + f) + (g + h)))
    mean = whole * splat(numba.float32(1.0) / numba.float32(n_taper))
    peak = splat(numba.float32(0.0))
    at = 0
    for n in range(0, n_taper, LANES):
        a, b, c, d, e, f, g, h = load_across(signal, first + n, hop, n_frames - 1)
        a, b, c, d, e, f, g, h = a - mean, b - mean, c - mean, d - mean, e - mean, f - mean, g - mean, h - mean
        if n_taper // 3 <= n < 2 * n_taper // 3:
            peak = larger(peak, larger(larger(magnitude(a), magnitude(c)), larger(magnitude(e), magnitude(g))))
            peak = larger(peak, larger(larger(magnitude(b), magnitude(d)), larger(magnitude(f), magnitude(h))))
        store(re, at, a * splat(taper[n]))
        store(im, at, b * splat(taper[n + 1]))
        store(re, at + LANES, c * splat(taper[n + 2]))
        store(im, at + LANES, d * splat(taper[n + 3]))
        store(re, at + 2 * LANES, e * splat(taper[n + 4]))
        store(im, at + 2 * LANES, f * splat(taper[n + 5]))
        store(re, at + 3 * LANES, g * splat(taper[n + 6]))
        store(im, at + 3 * LANES, h * splat(taper[n + 7]))
        at += 4 * LANES
    re[at:] = numba.float32(0.0)
    im[at:] = numba.float32(0.0)
    store(peaks, 0, peak)


@njit_inner
def _mirror(power: F32, re: F32, im: F32) -> None:
    """A power spectrum packed as a real signal is: an even one, so its transform is its inverse transform."""
    n_half = re.shape[0] // LANES
    for j in range(n_half // 2):
        store(re, j * LANES, load(power, 2 * j * LANES))
        store(im, j * LANES, load(power, (2 * j + 1) * LANES))
    for j in range(n_half // 2, n_half):
        store(re, j * LANES, load(power, 2 * (n_half - j) * LANES))
        store(im, j * LANES, load(power, (2 * (n_half - j) - 1) * LANES))


@njit_inner
def find_lags(lags: F32, taper_lags: F64, near: I64) -> int:
    """Lags at which any lane may have a peak, to `near`; how many. Seldom one in five: the others need no closer look.

    In float32, where less is asked than `find_candidates` does, by more than float32 rounds.
    """
    n = 0
    least, slack = splat(numba.float32(0.499 * VOICING_THRESHOLD)), splat(numba.float32(1.0001))
    left = load(lags, LANES) * splat(numba.float32(taper_lags[1]))
    here = load(lags, 2 * LANES) * splat(numba.float32(taper_lags[2]))
    for k in range(2, taper_lags.shape[0] - 1):
        right = load(lags, (k + 1) * LANES) * splat(numba.float32(taper_lags[k + 1]))
        if reaches(here * slack, larger(larger(left, right), least)):
            near[n] = k
            n += 1
        left, here = here, right
    return n


@njit_inner
def find_candidates(
    lags: F32,
    lane: int,
    taper_lags: F64,
    near: I64,
    n_near: int,
    sample_rate_hz: float,
    floor_hz: float,
    ceiling_hz: float,
    found: F64,
) -> int:
    """Peaks of one lane's autocorrelation to `found` (3, MAX_CANDIDATES), as frequency in Hz, its log2, and strength.

    `near[:n_near]`: the lags that are looked at. Gives how many places are taken: place 0 is left free, and the weakest gives
    way when there are too many.
    """
    n = 1
    for k in near[:n_near]:
        here = np.float64(lags[k * LANES + lane])
        if here * taper_lags[k] <= 0.5 * VOICING_THRESHOLD:
            continue
        here *= taper_lags[k]
        left = np.float64(lags[(k - 1) * LANES + lane]) * taper_lags[k - 1]
        right = np.float64(lags[(k + 1) * LANES + lane]) * taper_lags[k + 1]
        if not left < here >= right:
            continue
        slope, bend = 0.5 * (right - left), 2.0 * here - left - right
        frequency_hz = sample_rate_hz / (k + slope / bend)
        if not floor_hz <= frequency_hz <= ceiling_hz:
            continue
        strength = here + 0.5 * slope * slope / bend
        if strength > 1.0:
            strength = 1.0 / strength
        octave = np.log2(frequency_hz)
        place = n
        if n == MAX_CANDIDATES:
            place = 1
            for other in range(2, n):
                if found[2, other] + OCTAVE_COST * found[1, other] < found[2, place] + OCTAVE_COST * found[1, place]:
                    place = other
            if strength + OCTAVE_COST * octave <= found[2, place] + OCTAVE_COST * found[1, place]:
                continue
        else:
            n += 1
        found[0, place], found[1, place], found[2, place] = frequency_hz, octave, strength
    return n


@njit_inner
def follow(found: F64, n: int, loudness: float, ceiling_hz: float, hop_s: float, path: F64, scores: F64) -> tuple[float, float]:
    """One step along the best path: its frequency in Hz, 0 for unvoiced, and the strength of the voicing.

    `loudness`: the frame's peak beside the loudest so far. `path` (3, MAX_CANDIDATES): the log2 of the last frame's candidates,
    their scores, and their number in [2, 0]; this frame's afterwards. `scores` (MAX_CANDIDATES) is work space.
    """
    found[0, 0], found[1, 0], found[2, 0] = 0.0, 0.0, 0.0
    silence = max(0.0, 2.0 - loudness / (SILENCE_THRESHOLD / (1.0 + VOICING_THRESHOLD)))
    best, strongest, ceiling = 0, 0.0, np.log2(ceiling_hz)
    for j in range(n):
        local = VOICING_THRESHOLD + silence if j == 0 else found[2, j] - OCTAVE_COST * (ceiling - found[1, j])
        reached = 0.0
        for i in range(int(path[2, 0])):
            if (i == 0) != (j == 0):
                cost = VOICED_UNVOICED_COST
            elif i == 0:
                cost = 0.0
            else:
                cost = OCTAVE_JUMP_COST * abs(path[0, i] - found[1, j])
            score = path[1, i] - cost * COSTS_ARE_FOR_S / hop_s
            reached = score if i == 0 else max(reached, score)
        scores[j] = local + reached
        if scores[j] > scores[best]:
            best = j
        strongest = max(strongest, found[2, j])
    for j in range(n):
        path[0, j], path[1, j] = found[1, j], scores[j] - scores[best]
    path[2, 0] = n
    return found[0, best], found[2, best] if best > 0 else strongest
