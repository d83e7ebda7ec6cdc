"""How unlike a voice's periods are: jitter of their lengths, shimmer of their amplitudes, as Praat defines them.

The definitions, and the bounds on what counts as a period, are those of "jitter (local)" and "shimmer (local)" in the manual of
Praat (P. Boersma and D. Weenink).
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from dsp.contour import PitchContour, require_recording
from dsp.kernels import pulses as kernel

SHORTEST_S, LONGEST_S = 0.0001, 0.02
"""Of a period."""
LARGEST_PERIOD_RATIO = 1.3
"""Of a period to the next."""
LARGEST_AMPLITUDE_RATIO = 1.6
CLOSEST = 0.7
"""So near to each other, in periods, are no two pulses."""

F64 = NDArray[np.float64]


def pulses(samples: NDArray[Any], pitch: PitchContour, on_done: Callable[[float], None] = lambda _: None) -> F64:
    """Where the periods of the voice begin, in samples, rising: (n,) float32 or int16 -> (n_pulses,).

    `pitch` is that of the samples. `on_done` is told how many seconds are done. Raises ShapeError.
    """
    require_recording(samples)
    loudest = max(float(samples.max(initial=0)), -float(samples.min(initial=0)))
    found, last = [np.zeros(0)], -np.inf
    for start, end in pitch.stretches():
        found.append(_of_stretch(samples, pitch, start, end, loudest, last))
        last = float(found[-1][-1])
        on_done(last / pitch.sample_rate_hz)
    return np.concatenate(found)


def _of_stretch(samples: NDArray[Any], pitch: PitchContour, start: int, end: int, loudest: float, last: float) -> F64:
    """From the largest sample of the period amid the stretch to both its ends."""
    rate_hz, hop = float(pitch.sample_rate_hz), float(pitch.hop_samples)
    hz = pitch.hz[start:end].astype(np.float64)
    first = pitch.first + start * hop
    middle = first + 0.5 * hop * (len(hz) - 1)
    half_period = 0.5 * rate_hz / float(np.interp(0.5 * (len(hz) - 1), np.arange(len(hz)), hz))
    low, high = math.floor(middle - half_period), math.ceil(middle + half_period)
    begin = kernel.largest(samples, max(0, low), min(len(samples) - 1, high))
    around = np.empty(int(2.5 * rate_hz / hz.min()) + 8)
    room = np.empty((2, int((len(hz) + 1) * hop / (CLOSEST * rate_hz / hz.max())) + 2))
    before, after = (
        row[: kernel.follow(samples, hz, first, hop, rate_hz, loudest, last, begin, direction, around, row)]
        for direction, row in zip((-1, 1), room)
    )
    return np.concatenate([before[::-1], [begin], after])


def jitter(pulses: F64, sample_rate_hz: int) -> float:
    """Mean change from one period to the next, over the mean period; 0 where no two periods follow each other."""
    periods_s = np.diff(pulses) / sample_rate_hz
    alike = _alike(periods_s)
    if not alike.any():
        return 0.0
    changes_s = np.abs(np.diff(periods_s))[alike]
    return float(changes_s.mean() / periods_s[_counts(periods_s)].mean())


def shimmer(samples: NDArray[Any], pulses: F64, sample_rate_hz: int) -> float:
    """Mean change of the amplitude from one period to the next, over the mean amplitude; 0 where there are too few.

    `samples` as `pulses` takes them. Raises ShapeError.
    """
    require_recording(samples)
    levels = np.empty(len(pulses))
    kernel.amplitudes(samples, pulses, levels)
    alike = np.flatnonzero(_alike(np.diff(pulses) / sample_rate_hz)) + 1
    alike = alike[levels[alike] > 0.0]
    apart_s = np.diff(pulses[alike]) / sample_rate_hz
    before, after = levels[alike][:-1], levels[alike][1:]
    near = (apart_s >= SHORTEST_S) & (apart_s <= LONGEST_S)
    near &= np.maximum(before, after) <= LARGEST_AMPLITUDE_RATIO * np.minimum(before, after)
    return float(np.abs(after - before)[near].mean() / before.mean()) if near.any() else 0.0


def _alike(periods_s: F64) -> NDArray[np.bool_]:
    """Whether each period and the next are both periods, and near each other: (n,) -> (n - 1,)."""
    within = (periods_s >= SHORTEST_S) & (periods_s <= LONGEST_S)
    return np.asarray(within[:-1] & within[1:] & (_ratios(periods_s) <= LARGEST_PERIOD_RATIO))


def _counts(periods_s: F64) -> NDArray[np.bool_]:
    """Whether each is a period: of the right length, and near one of its neighbours, if it has any."""
    within = (periods_s >= SHORTEST_S) & (periods_s <= LONGEST_S)
    near = _ratios(periods_s) <= LARGEST_PERIOD_RATIO
    alone = len(periods_s) == 1
    return np.asarray(within & (np.append(near, alone) | np.append(alone, near)))


def _ratios(periods_s: F64) -> F64:
    before, after = periods_s[:-1], periods_s[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(before, after) / np.minimum(before, after))
