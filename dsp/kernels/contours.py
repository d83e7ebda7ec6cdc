"""What one feature frame tells, apart from its level: a value for each contour of an utterance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit_inner

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

N_BANDS = 16
"""Groups of mel bands; their contours come after the MFCC."""
SCALARS = ("centroid_khz", "spread", "rolloff_khz", "flux", "tilt", "high_to_mid", "intensity_db", "voicing")
"""The contours after those, in order."""
CENTROID_KHZ, SPREAD, ROLLOFF_KHZ, FLUX, TILT, HIGH_TO_MID, INTENSITY_DB, VOICING = range(len(SCALARS))

FAINTEST = -100.0
"""Bands further below a frame's strongest, in nepers of power, count as so strong: their energy stays above zero."""

LAYOUT = np.dtype(
    [
        *((name, np.int64) for name in ("log_mel", "mfcc", "intensity_db", "centroid_hz", "rolloff_hz", "flux", "pitch")),
        ("n_mels", np.int64),
        ("n_mfcc", np.int64),
        ("hop_s", np.float64),
    ]
)
"""The column at which each kind begins in a frame, how many MFCC and mel bands there are, and the time between frames."""


@njit_inner
def contours(frames: F32, i: int, layout: NDArray[Any], now: F64) -> None:
    """Those of frame i, to `now` (n_mfcc + N_BANDS + len(SCALARS)). `layout`: one of `LAYOUT`."""
    asked = layout[0]
    for k in range(asked.n_mfcc):
        now[k] = frames[i, asked.mfcc + k]
    strongest = _bands(frames, i, asked.log_mel, asked.n_mels, asked.n_mfcc, now)
    scalars = asked.n_mfcc + N_BANDS
    _mel_shape(frames, i, asked.log_mel, asked.n_mels, strongest, scalars, now)
    now[scalars + CENTROID_KHZ] = frames[i, asked.centroid_hz] / 1000.0
    now[scalars + ROLLOFF_KHZ] = frames[i, asked.rolloff_hz] / 1000.0
    now[scalars + FLUX] = frames[i, asked.flux]
    now[scalars + INTENSITY_DB] = frames[i, asked.intensity_db]
    now[scalars + VOICING] = frames[i, asked.pitch + 1]


@njit_inner
def _bands(frames: F32, i: int, log_mel: int, n_mels: int, to: int, now: F64) -> float:
    """Means of the groups, less the mean of all bands, to `now[to:]`; the strongest band."""
    width = n_mels // N_BANDS
    level = 0.0
    strongest = np.float64(frames[i, log_mel])
    for group in range(N_BANDS):
        band = 0.0
        for k in range(log_mel + group * width, log_mel + (group + 1) * width):
            band += frames[i, k]
            strongest = max(strongest, np.float64(frames[i, k]))
        now[to + group] = band / width
        level += band
    for group in range(N_BANDS):
        now[to + group] -= level / n_mels
    return strongest


@njit_inner
def _mel_shape(frames: F32, i: int, log_mel: int, n_mels: int, strongest: float, scalars: int, now: F64) -> None:
    """Spread, tilt, and the ratio of high to middle bands. Energies are those beside the strongest band's."""
    middle = 0.5 * (n_mels - 1)
    mid_begins, high_begins = n_mels * 15 // 100, n_mels * 55 // 100
    leaning = energy = moment = square = mid = high = 0.0
    for k in range(n_mels):
        place, value = k - middle, np.float64(frames[i, log_mel + k])
        power = np.exp(max(value - strongest, FAINTEST))
        leaning += place * value
        energy += power
        moment += place * power
        square += place * place * power
        mid += power if mid_begins <= k < high_begins else 0.0
        high += power if k >= high_begins else 0.0
    centre = moment / energy
    now[scalars + SPREAD] = np.sqrt(max(square / energy - centre * centre, 0.0)) / (n_mels - 1)
    # the squared places add up to n (n^2 - 1) / 12
    now[scalars + TILT] = leaning * 12.0 / (n_mels * (n_mels + 1.0))
    now[scalars + HIGH_TO_MID] = np.log(high / mid)
