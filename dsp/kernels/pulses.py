"""Where each period of a voice begins: from one pulse to the next by the likeness of what stands around them.

After P. Boersma and D. Weenink's description of Praat's "Sound & Pitch: To PointProcess (cc)": from the largest sample in the
middle of a voiced stretch to both its ends, each time to where the sound of one period correlates best with that around the
pulse before. Positions and lengths are in samples, and need not be whole.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit, njit_inner

F64 = NDArray[np.float64]

NEAREST, FURTHEST = 0.8, 1.25
"""Where the next pulse is looked for, in periods."""
LEAST_LIKE, LEAST_LOUD = 0.3, 0.01
"""The correlation of a pulse with the one before, and its peak beside the recording's."""
LEAST_LIKE_OUTSIDE, LEAST_LOUD_OUTSIDE = 0.7, 0.023333
"""The same of the one pulse that lies just outside its stretch."""
NOTHING = -1.0
"""The correlation where there is no best place."""


@njit
def follow(
    samples: NDArray[Any],
    hz: F64,
    first: float,
    hop: float,
    sample_rate_hz: float,
    loudest: float,
    last: float,
    begin: float,
    direction: int,
    around: F64,
    found: F64,
) -> int:
    """Pulses from `begin`, which is not among them, to one end of its voiced stretch: to `found`; how many they are.

    `hz` (k,): the pitch of the stretch's frames, all above zero, whose middles are `first`, `first + hop` and so on. `loudest`:
    of all samples, without sign. `last`: the last pulse of the stretch before. `direction`: 1, or -1 for the way back.
    `around`: work space for 2.5 of the longest periods. What does not fit into `found` is left out.
    """
    start, end = first - 0.5 * hop, first + (hz.shape[0] - 0.5) * hop
    at, n = begin, 0
    while start <= at <= end and n < found.shape[0]:
        period = sample_rate_hz / _hz_at(hz, first, hop, at)
        at, like, peak = _next(samples, at, period, direction, around)
        is_within = start <= at <= end
        least_like = LEAST_LIKE if is_within else LEAST_LIKE_OUTSIDE
        least_loud = (LEAST_LOUD if is_within else LEAST_LOUD_OUTSIDE) * loudest
        # two stretches may be so near that the end of one has been found from the other
        is_new = direction == 1 or at - last > NEAREST * period
        if like > least_like and peak > least_loud and is_new:
            found[n] = at
            n += 1
    return n


@njit
def largest(samples: NDArray[Any], low: int, high: int) -> float:
    """Where the largest sample from `low` to `high` is, without sign; between samples by a parabola through its neighbours."""
    best = low
    for i in range(low, high + 1):
        if abs(float(samples[i])) > abs(float(samples[best])):
            best = i
    if not low < best < high:
        return float(best)
    left, here, right = float(samples[best - 1]), float(samples[best]), float(samples[best + 1])
    bend = 2.0 * here - left - right
    return best + 0.5 * (right - left) / bend if bend != 0.0 else float(best)


@njit
def amplitudes(samples: NDArray[Any], pulses: F64, found: F64) -> None:
    """Root of the mean square around each pulse but the first and the last, under a Hann taper, to `found` (n_pulses,).

    The taper reaches over a fifth of the period on either side; 0 where it holds fewer than 3 samples.
    """
    found[:] = 0.0
    for k in range(1, pulses.shape[0] - 1):
        at = pulses[k]
        before, after = 0.2 * (at - pulses[k - 1]), 0.2 * (pulses[k + 1] - at)
        low, high = max(0, math.ceil(at - before)), min(samples.shape[0] - 1, math.floor(at + after))
        if high - low < 2:
            continue
        squares = whole = 0.0
        for i in range(low, high + 1):
            taper = 0.5 + 0.5 * math.cos(math.pi * (i - at) / (before if i < at else after))
            squares += (samples[i] * taper) ** 2
            whole += taper * taper
        found[k] = math.sqrt(squares / whole)


@njit_inner
def _hz_at(hz: F64, first: float, hop: float, at: float) -> float:
    """Straight between the frames' middles, level beyond them."""
    place = min(max((at - first) / hop, 0.0), hz.shape[0] - 1.0)
    below = min(int(place), hz.shape[0] - 2)
    if below < 0:
        return float(hz[0])
    return float(hz[below] + (place - below) * (hz[below + 1] - hz[below]))


@njit_inner
def _next(samples: NDArray[Any], at: float, period: float, direction: int, around: F64) -> tuple[float, float, float]:
    """Where the next pulse is, its correlation with the one at `at`, and the largest sample around it.

    One period of `at` is correlated with one period around each place from NEAREST to FURTHEST; where none is the best, that
    period is passed over: NOTHING.
    """
    width = round(at + 0.5 * period) - round(at - 0.5 * period) + 1
    here = round(at - 0.5 * period)
    nearest, furthest = at + direction * NEAREST * period, at + direction * FURTHEST * period
    first, last = math.floor(min(nearest, furthest) - 0.5 * period), math.ceil(max(nearest, furthest) - 0.5 * period)
    origin = min(here, first)
    _take(samples, origin, max(here, last) + width, around)
    here, n_places = here - origin, last - first + 1
    there = first - origin
    own = other = 0.0
    for i in range(width):
        own += around[here + i] ** 2
        other += around[there + i] ** 2
    before = now = 0.0
    best, best_like, best_before, best_after = -1, NOTHING, 0.0, 0.0
    for place in range(n_places):
        product = _product(around, here, there + place, width)
        # squares that fall out and come in leave a rest of rounding where there is no sound
        after = product / math.sqrt(own * other) if product != 0.0 and other > 0.0 else 0.0
        if now > best_like and now >= before and now >= after:
            best, best_like, best_before, best_after = place - 1, now, before, after
        before, now = now, after
        other += around[there + place + width] ** 2 - around[there + place] ** 2
    if best_like == NOTHING:
        return at + direction * period, NOTHING, 0.0
    peak = 0.0
    for i in range(width):
        peak = max(peak, abs(around[max(0, there + best) + i]))
    bend, slope = 2.0 * best_like - best_before - best_after, 0.5 * (best_after - best_before)
    shift = slope / bend if bend != 0.0 else 0.0
    return at + (there + best + shift - here), best_like + 0.5 * slope * shift, peak


@njit_inner
def _take(samples: NDArray[Any], first: int, end: int, around: F64) -> None:
    """Samples from `first` to just before `end`, and one more; zeros beyond the recording."""
    for i in range(min(end - first + 1, around.shape[0])):
        j = first + i
        around[i] = float(samples[j]) if 0 <= j < samples.shape[0] else 0.0


@njit_inner
def _product(around: F64, one: int, other: int, width: int) -> float:
    """Four sums at once: none waits for the one before."""
    a = b = c = d = 0.0
    whole = width - width % 4
    for i in range(0, whole, 4):
        a += around[one + i] * around[other + i]
        b += around[one + i + 1] * around[other + i + 1]
        c += around[one + i + 2] * around[other + i + 2]
        d += around[one + i + 3] * around[other + i + 3]
    for i in range(whole, width):
        a += around[one + i] * around[other + i]
    return (a + b) + (c + d)
