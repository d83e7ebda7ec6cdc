"""Sums over the frames of an utterance, one frame after the other, and the functionals that are read off them at any time.

Powers are summed about the first frame, for voiced frames about the first voiced one. A value that lies k deviations off the
mean of n has k * k <= n, for it is one of them: what is lost when the mean is taken off later is bounded, however large the
mean. All is float64, and no sum depends on how the stream is cut.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit, njit_inner
from dsp.kernels.contours import contours

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

STATISTICS = ("mean", "deviation", "slope", "mean_abs_change", "skewness", "voiced_mean", "voiced_deviation")
"""Of each contour, in order."""
MEAN, DEVIATION, SLOPE, CHANGE, SKEWNESS, VOICED_MEAN, VOICED_DEVIATION = range(len(STATISTICS))
PITCH_STATISTICS = ("mean", "deviation", "slope", "mean_abs_change", "rises", "mean_change", "skewness")
TIMING_STATISTICS = (
    "log_duration",
    "voiced_share",
    "voiced_stretches",
    "voiced_stretch_mean",
    "voiced_stretch_deviation",
    "unvoiced_stretch_mean",
    "unvoiced_stretch_longest",
)

FEWEST_VOICED_FRAMES = 3
LARGEST_CHANGE_SEMITONES = 6.0
"""Changes of the pitch from here on are slips to another octave."""
PITCH_REFERENCE_HZ = 100.0
DEVIATION_FLOOR = 1e-4
"""In a contour's own unit: ten times the rounding of a float32 MFCC, a hundredth of what speech has."""
PITCH_DEVIATION_FLOOR = 1e-3
"""In semitones."""
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

FIRST, LAST, SUM, SQUARES, CUBES, TIMED, CHANGES, VOICED_FIRST, VOICED_SUM, VOICED_SQUARES = range(10)
"""Rows of the contours' sums, each (n_contours,). TIMED: the values, each times the number of its frame."""
N_SUMS = 10

SO_FAR = np.dtype(
    [
        ("n_frames", np.int64),
        ("n_voiced", np.int64),
        ("stretch", np.int64),
        ("n_voiced_stretches", np.int64),
        ("n_unvoiced_stretches", np.int64),
        ("voiced_stretch_squares", np.int64),
        ("longest_unvoiced", np.int64),
        ("first_voiced", np.int64),
        ("n_changes", np.int64),
        ("n_rises", np.int64),
        *((name, np.float64) for name in ("first", "last", "sum", "squares", "cubes", "timed", "times", "time_squares")),
        ("changes", np.float64),
        ("abs_changes", np.float64),
    ]
)
"""Counts of frames, and sums of the pitch in semitones over the voiced ones. `stretch`: frames, the last one included, since
the voicing last changed, below zero where they are unvoiced. Times are counted from the first voiced frame."""


@njit
def take(frames: F32, layout: NDArray[Any], now: F64, sums: F64, so_far: NDArray[Any]) -> int:
    """Add frames (k, n_features) to the sums; how many of their values are not finite, and then nothing is added.

    `layout`: one of `contours.LAYOUT`. `now` (n_contours) is work space; `sums` (N_SUMS, n_contours) and `so_far`, one of
    `SO_FAR`, are zeros as an utterance begins.
    """
    n_bad = 0
    for i in range(frames.shape[0]):
        for k in range(frames.shape[1]):
            n_bad += not abs(frames[i, k]) <= numba.float32(LARGEST_FLOAT32)
    if n_bad:
        return n_bad
    for i in range(frames.shape[0]):
        pitch_hz = frames[i, layout[0].pitch]
        contours(frames, i, layout, now)
        _add_contours(now, so_far[0].n_frames, sums)
        if pitch_hz > 0.0:
            _add_voiced(now, so_far[0].n_voiced == 0, sums)
            _add_pitch(12.0 * np.log2(pitch_hz / PITCH_REFERENCE_HZ), so_far)
        _count(pitch_hz > 0.0, so_far)
    return 0


@njit_inner
def _add_contours(now: F64, frame: int, sums: F64) -> None:
    if frame == 0:
        for c in range(now.shape[0]):
            sums[FIRST, c] = sums[LAST, c] = now[c]
    for c in range(now.shape[0]):
        distance = now[c] - sums[FIRST, c]
        square = distance * distance
        sums[SUM, c] += distance
        sums[SQUARES, c] += square
        sums[CUBES, c] += square * distance
        sums[TIMED, c] += frame * distance
        sums[CHANGES, c] += abs(now[c] - sums[LAST, c])
        sums[LAST, c] = now[c]


@njit_inner
def _add_voiced(now: F64, is_first: bool, sums: F64) -> None:
    for c in range(now.shape[0]):
        if is_first:
            sums[VOICED_FIRST, c] = now[c]
        distance = now[c] - sums[VOICED_FIRST, c]
        sums[VOICED_SUM, c] += distance
        sums[VOICED_SQUARES, c] += distance * distance


@njit_inner
def _add_pitch(semitones: float, so_far: NDArray[Any]) -> None:
    """Called before `_count`, so that `so_far` still tells of the frame before."""
    heard = so_far[0]
    if heard.n_voiced == 0:
        heard.first, heard.first_voiced = semitones, heard.n_frames
    distance, time = semitones - heard.first, float(heard.n_frames - heard.first_voiced)
    heard.sum += distance
    heard.squares += distance * distance
    heard.cubes += distance * distance * distance
    heard.timed += time * distance
    heard.times += time
    heard.time_squares += time * time
    change = semitones - heard.last
    if heard.stretch > 0 and abs(change) < LARGEST_CHANGE_SEMITONES:
        heard.n_changes += 1
        heard.n_rises += change > 0.0
        heard.changes += change
        heard.abs_changes += abs(change)
    heard.last = semitones


@njit_inner
def _count(is_voiced: bool, so_far: NDArray[Any]) -> None:
    heard = so_far[0]
    heard.n_frames += 1
    if is_voiced:
        heard.n_voiced += 1
        heard.n_voiced_stretches += heard.stretch <= 0
        heard.stretch = max(heard.stretch, 0) + 1
        # what the square of the stretch's length grows by
        heard.voiced_stretch_squares += 2 * heard.stretch - 1
    else:
        heard.n_unvoiced_stretches += heard.stretch >= 0
        heard.stretch = min(heard.stretch, 0) - 1
        heard.longest_unvoiced = max(heard.longest_unvoiced, -heard.stretch)


@njit
def read_off(sums: F64, so_far: NDArray[Any], layout: NDArray[Any], values: F64) -> None:
    """The functionals of at least one frame: of contours, statistic after statistic, then of pitch and of timing."""
    n_contours, hop_s = sums.shape[1], layout[0].hop_s
    n_of_contours = len(STATISTICS) * n_contours
    _read_contours(sums, so_far, hop_s, values[:n_of_contours].reshape((len(STATISTICS), n_contours)))
    _read_pitch(so_far, hop_s, values[n_of_contours : n_of_contours + len(PITCH_STATISTICS)])
    _read_timing(so_far, hop_s, values[n_of_contours + len(PITCH_STATISTICS) :])


@njit_inner
def _read_contours(sums: F64, so_far: NDArray[Any], hop_s: float, values: F64) -> None:
    n, n_voiced = so_far[0].n_frames, so_far[0].n_voiced
    mean_time, time_spread = 0.5 * (n - 1), n * (float(n) * n - 1.0) / 12.0
    for c in range(sums.shape[1]):
        mean = sums[SUM, c] / n
        values[MEAN, c] = sums[FIRST, c] + mean
        values[DEVIATION, c], values[SKEWNESS, c] = _deviation_and_skewness(
            mean, sums[SQUARES, c] / n, sums[CUBES, c] / n, DEVIATION_FLOOR
        )
        values[SLOPE, c] = _slope(sums[TIMED, c], sums[SUM, c], mean_time, time_spread) / hop_s
        values[CHANGE, c] = sums[CHANGES, c] / max(n - 1, 1)
        values[VOICED_MEAN, c], values[VOICED_DEVIATION, c] = values[MEAN, c], values[DEVIATION, c]
        if n_voiced >= FEWEST_VOICED_FRAMES:
            mean = sums[VOICED_SUM, c] / n_voiced
            values[VOICED_MEAN, c] = sums[VOICED_FIRST, c] + mean
            values[VOICED_DEVIATION, c] = np.sqrt(max(sums[VOICED_SQUARES, c] / n_voiced - mean * mean, 0.0))


@njit_inner
def _read_pitch(so_far: NDArray[Any], hop_s: float, pitch: F64) -> None:
    """In the order of `PITCH_STATISTICS`."""
    heard = so_far[0]
    n, n_changes = heard.n_voiced, heard.n_changes
    pitch[:] = 0.0
    if n < FEWEST_VOICED_FRAMES:
        return
    mean, mean_time = heard.sum / n, heard.times / n
    pitch[0] = heard.first + mean
    pitch[1], pitch[6] = _deviation_and_skewness(mean, heard.squares / n, heard.cubes / n, PITCH_DEVIATION_FLOOR)
    pitch[2] = _slope(heard.timed, heard.sum, mean_time, heard.time_squares - heard.times * mean_time) / hop_s
    pitch[3] = heard.abs_changes / max(n_changes, 1)
    pitch[4] = heard.n_rises / n_changes if n_changes else 0.5
    pitch[5] = heard.changes / max(n_changes, 1) / hop_s


@njit_inner
def _read_timing(so_far: NDArray[Any], hop_s: float, timing: F64) -> None:
    """In the order of `TIMING_STATISTICS`."""
    heard = so_far[0]
    n, n_voiced, n_stretches = heard.n_frames, heard.n_voiced, heard.n_voiced_stretches
    timing[0] = np.log(n * hop_s)
    timing[1] = n_voiced / n
    timing[2] = n_stretches / (n * hop_s)
    timing[3] = timing[4] = 0.0
    if n_stretches:
        timing[3] = n_voiced / n_stretches * hop_s
        # whole numbers: stretches of one length have no deviation at all
        spread = float(n_stretches) * heard.voiced_stretch_squares - float(n_voiced) * n_voiced
        timing[4] = np.sqrt(max(spread, 0.0)) / n_stretches * hop_s
    timing[5] = (n - n_voiced) / max(heard.n_unvoiced_stretches, 1) * hop_s
    timing[6] = heard.longest_unvoiced * hop_s


@njit_inner
def _deviation_and_skewness(mean: float, square: float, cube: float, floor: float) -> tuple[float, float]:
    """From the means of the first three powers."""
    deviation = np.sqrt(max(square - mean * mean, 0.0))
    return deviation, (cube - 3.0 * mean * square + 2.0 * mean * mean * mean) / max(deviation, floor) ** 3


@njit_inner
def _slope(timed: float, total: float, mean_time: float, time_spread: float) -> float:
    """Of the least-squares line, per frame; 0 where no time passes."""
    return (timed - mean_time * total) / time_spread if time_spread > 0.0 else 0.0
