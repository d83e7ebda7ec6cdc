"""Pitch of a recording that is known to its end: each frame's candidates, then the one best path through all of them.

After P. Boersma (1993), as `pitch.py` has it for a stream, with what only a recording can give: the path is chosen from its end
back to its beginning, and silence is measured against the loudest sample of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit, njit_inner
from dsp.kernels.pitch import (
    COSTS_ARE_FOR_S,
    MAX_CANDIDATES,
    OCTAVE_COST,
    OCTAVE_JUMP_COST,
    SILENCE_THRESHOLD,
    VOICED_UNVOICED_COST,
    VOICING_THRESHOLD,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@njit
def candidates(lags: F64, sample_rate_hz: float, found: F32, counts: NDArray[np.int8]) -> None:
    """Peaks of normalised autocorrelations (n, n_lags) to `found` (n, 2, MAX_CANDIDATES): frequencies in Hz, and strengths.

    `counts` (n,): how many places are taken. Place 0 is that of silence; the weakest gives way when there are too many.
    """
    for t in range(lags.shape[0]):
        n = 1
        for k in range(2, lags.shape[1] - 1):
            left, here, right = lags[t, k - 1], lags[t, k], lags[t, k + 1]
            if here <= 0.5 * VOICING_THRESHOLD or not left < here >= right:
                continue
            slope, bend = 0.5 * (right - left), 2.0 * here - left - right
            frequency_hz = sample_rate_hz / (k + slope / bend)
            strength = here + 0.5 * slope * slope / bend
            if strength > 1.0:
                strength = 1.0 / strength
            place = n
            if n == MAX_CANDIDATES:
                place = _weakest(found[t])
                if _worth(frequency_hz, strength) <= _worth(found[t, 0, place], found[t, 1, place]):
                    continue
            else:
                n += 1
            found[t, 0, place], found[t, 1, place] = frequency_hz, strength
        counts[t] = n


@njit_inner
def _weakest(frame: F32) -> int:
    weakest, least = 1, np.inf
    for place in range(1, MAX_CANDIDATES):
        worth = _worth(frame[0, place], frame[1, place])
        if worth < least:
            weakest, least = place, worth
    return weakest


@njit_inner
def _worth(frequency_hz: float, strength: float) -> float:
    return float(strength + OCTAVE_COST * np.log2(np.float64(frequency_hz)))


@njit
def best_path(found: F32, counts: NDArray[np.int8], loudness: F32, ceiling_hz: float, hop_s: float, hz: F32) -> None:
    """The path of the greatest sum through the candidates to `hz` (n,), 0 where unvoiced.

    `loudness` (n,): the frame's peak beside the loudest of all. What lies at the ceiling or above is no voice.
    """
    n_frames = found.shape[0]
    came_from = np.zeros((n_frames, MAX_CANDIDATES), np.int8)
    before, now = np.zeros(MAX_CANDIDATES), np.zeros(MAX_CANDIDATES)
    a_frame = COSTS_ARE_FOR_S / hop_s
    for t in range(n_frames):
        for j in range(counts[t]):
            now[j] = _local(found[t], j, loudness[t], ceiling_hz)
            if t == 0:
                continue
            best, reached = 0, -np.inf
            for i in range(counts[t - 1]):
                score = before[i] - a_frame * _change(found[t - 1, 0, i], found[t, 0, j], ceiling_hz)
                if score > reached:
                    best, reached = i, score
            came_from[t, j] = best
            now[j] += reached
        before, now = now, before
    at = 0
    for j in range(1, counts[n_frames - 1]):
        if before[j] > before[at]:
            at = j
    for t in range(n_frames - 1, -1, -1):
        hz[t] = found[t, 0, at] if found[t, 0, at] < ceiling_hz else 0.0
        at = came_from[t, at]


@njit_inner
def _local(frame: F32, place: int, loudness: float, ceiling_hz: float) -> float:
    """What speaks for a candidate in its own frame; place 0 has 0 Hz."""
    hz = np.float64(frame[0, place])
    if 0.0 < hz < ceiling_hz:
        return float(frame[1, place] - OCTAVE_COST * np.log2(ceiling_hz / hz))
    return VOICING_THRESHOLD + max(0.0, 2.0 - loudness / (SILENCE_THRESHOLD / (1.0 + VOICING_THRESHOLD)))


@njit_inner
def _change(before_hz: float, now_hz: float, ceiling_hz: float) -> float:
    """What going from one candidate to another costs, of frames COSTS_ARE_FOR_S apart."""
    was, is_now = 0.0 < before_hz < ceiling_hz, 0.0 < now_hz < ceiling_hz
    if was and is_now:
        return float(OCTAVE_JUMP_COST * abs(np.log2(np.float64(before_hz) / np.float64(now_hz))))
    return VOICED_UNVOICED_COST if was != is_now else 0.0
