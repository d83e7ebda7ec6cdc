"""From samples to feature frames: every stage of every group of frames, in one call.

The arrays come one by one and the numbers in one record, because that is what costs least at the door of a compiled function:
1 us for those here, 8 us when they came in named tuples. The spectra of one or two frames take four.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels import bands, deltas, levels, pitch, spectrum
from dsp.kernels.compiling import njit, njit_inner
from dsp.kernels.lanes import LANES, load, splat, store, store_across
from dsp.kernels.logarithm import log
from dsp.params import KINDS

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

INTENSITY_FLOOR = 1e-10
"""Added to a mean square before its logarithm: silence is -100 dB."""

NUMBERS = np.dtype(
    [
        ("hop", np.int64),
        ("frame", np.int64),
        ("pre_emphasis", np.float32),
        ("log_floor", np.float32),
        ("bin_hz", np.float32),
        ("rolloff_share", np.float32),
        ("sample_rate_hz", np.float64),
        ("pitch_floor_hz", np.float64),
        ("pitch_ceiling_hz", np.float64),
        ("loudest_decay", np.float64),
        *((name, np.int64) for name in KINDS),
    ]
)
"""Parameters, and for each kind the row at which it begins among the lanes, -1 where it is not wanted. Below `n_features` a
row is also a column of the frames; rows after that are only worked with."""


@njit
def extract(
    signal: F32,
    first: int,
    n_frames: int,
    begins: bool,
    numbers: NDArray[Any],
    half_taper: F32,
    twiddles: F32,
    linear_bins: I64,
    linear_weights: F32,
    mel_bins: I64,
    mel_weights: F32,
    dct: F32,
    fft_work: F32,
    power: F32,
    rows: F32,
    last_log_mel: F32,
    out: F32,
) -> None:
    """Frames from `signal[first]` on to out[:n_frames] (>= n_frames, n_features), but for their deltas and their pitch.

    `begins`: a stream begins with them. `numbers`: one of `NUMBERS`.
    """
    n_features = out.shape[1]
    n_whole = n_features - n_features % LANES
    asked = numbers[0]
    re, im, spare_re, spare_im = spectrum.work_arrays(fft_work, power)
    for done in range(0, n_frames, LANES):
        n = min(LANES, n_frames - done)
        start = first + done * asked.hop
        if half_taper.shape[0] > 0:
            spectrum.load_frames(signal, start, asked.hop, n, asked.pre_emphasis, half_taper, re, im)
            spectrum.power_spectra(twiddles[0], twiddles[1], re, im, spare_re, spare_im, power)
            if asked.spectrogram >= 0:
                bands.log_bank(power, linear_bins, linear_weights, asked.log_floor, rows, asked.spectrogram)
            if asked.log_mel >= 0:
                bands.log_bank(power, mel_bins, mel_weights, asked.log_floor, rows, asked.log_mel)
            if asked.mfcc >= 0:
                bands.cosine_transform(dct, rows, asked.log_mel, asked.mfcc)
            if asked.flux >= 0:
                bands.flux(rows, asked.log_mel, dct.shape[1], n, begins and done == 0, last_log_mel, asked.flux)
            _shape_rows(numbers, power, fft_work[0], rows)
        _level_rows(signal, start, n, numbers, rows)
        for k in range(0, n_whole, LANES):
            store_across(rows, k, out, done * n_features + k, n_features, n)
        for k in range(n_whole, n_features):
            for lane in range(n):
                out[done + lane, k] = rows[k * LANES + lane]
        if asked.samples >= 0:
            for lane in range(n):
                for k in range(asked.frame):
                    out[done + lane, asked.samples + k] = signal[start + lane * asked.hop + k]


@njit_inner
def _shape_rows(numbers: NDArray[Any], power: F32, magnitudes: F32, rows: F32) -> None:
    asked = numbers[0]
    if asked.power >= 0:
        bands.powers(power, rows, asked.power)
    if asked.power_db >= 0:
        bands.decibels(power, asked.log_floor, rows, asked.power_db)
    if max(asked.centroid_hz, asked.rolloff_hz) >= 0:
        bands.centroid_and_rolloff(
            power, asked.bin_hz, asked.rolloff_share, magnitudes, rows, asked.centroid_hz, asked.rolloff_hz
        )


@njit_inner
def _level_rows(signal: F32, start: int, n: int, numbers: NDArray[Any], rows: F32) -> None:
    asked = numbers[0]
    for lane in range(n):
        at = start + lane * asked.hop
        if asked.zcr >= 0:
            rows[asked.zcr * LANES + lane] = levels.sign_changes(signal, at, asked.frame) / numba.float32(asked.frame)
        if max(asked.rms, asked.intensity_db) < 0:
            continue
        mean_square = levels.mean_square(signal, at, asked.frame)
        if asked.rms >= 0:
            rows[asked.rms * LANES + lane] = np.sqrt(mean_square)
        if asked.intensity_db >= 0:
            rows[asked.intensity_db * LANES + lane] = mean_square
    if asked.intensity_db >= 0:
        mean_squares = load(rows, asked.intensity_db * LANES) + splat(numba.float32(INTENSITY_FLOOR))
        store(rows, asked.intensity_db * LANES, log(mean_squares) * splat(numba.float32(bands.DB_A_NEPER)))


@njit
def extract_pitch(
    signal: F32,
    first: int,
    n_frames: int,
    numbers: NDArray[Any],
    taper: F32,
    taper_lags: F64,
    twiddles: F32,
    fft_work: F32,
    power: F32,
    lags: F32,
    peaks: F32,
    near: I64,
    found: F64,
    scores: F64,
    path: F64,
    loudest: F64,
    out: F32,
) -> None:
    """Pitch of the same frames to their two columns of `out`. `path` and `loudest` go from call to call."""
    asked = numbers[0]
    column = asked.pitch
    for done in range(0, n_frames, LANES):
        n = min(LANES, n_frames - done)
        start = first + done * asked.hop + asked.frame - taper.shape[0]
        pitch.autocorrelations(signal, start, asked.hop, n, taper, twiddles[0], twiddles[1], fft_work, power, lags, peaks)
        n_near = pitch.find_lags(lags, taper_lags, near)
        for lane in range(n):
            peak = np.float64(peaks[lane])
            loudest[0] = max(peak, loudest[0] * asked.loudest_decay)
            loudness = peak / loudest[0] if peak > 0.0 else 0.0
            count = pitch.find_candidates(
                lags,
                lane,
                taper_lags,
                near,
                n_near,
                asked.sample_rate_hz,
                asked.pitch_floor_hz,
                asked.pitch_ceiling_hz,
                found,
            )
            hop_s = asked.hop / asked.sample_rate_hz
            frequency_hz, strength = pitch.follow(found, count, loudness, asked.pitch_ceiling_hz, hop_s, path, scores)
            out[done + lane, column] = numba.float32(frequency_hz)
            out[done + lane, column + 1] = numba.float32(strength)


@njit
def extract_deltas(n_frames: int, begins: bool, numbers: NDArray[Any], mfcc_before: F32, delta_before: F32, out: F32) -> None:
    """Slopes of the MFCC of the same frames, and slopes of these. `mfcc_before` and `delta_before` go from call to call."""
    asked = numbers[0]
    deltas.slopes(out, n_frames, asked.mfcc, asked.mfcc_delta, begins, mfcc_before)
    if asked.mfcc_delta2 >= 0:
        deltas.slopes(out, n_frames, asked.mfcc_delta, asked.mfcc_delta2, begins, delta_before)
