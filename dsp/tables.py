"""The tables that the kernels read, and the space that they work in, made from the parameters."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp import params as kind
from dsp.cepstrum import dct_matrix
from dsp.kernels.frames import NUMBERS
from dsp.kernels.lanes import LANES
from dsp.kernels.pitch import MAX_CANDIDATES, PEAK_HALF_LIFE_S
from dsp.mel import mel_bank
from dsp.params import FrontEndParams
from dsp.spectrum import hann, linear_bank, taper, twiddles

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_CACHE_LINE = 16
"""In float32."""
_ROWS_APART = 8
"""Between the work arrays of an FFT. They are powers of two long: without, what is read together and written together falls on
the same few lines of the cache, and a long transform takes twice the time."""
_NO_BANK = np.zeros((0, 0), np.float32)


class Tables(NamedTuple):
    """What depends on the parameters alone, in the order in which `frames.extract` takes it."""

    numbers: NDArray[Any]
    half_taper: F32
    twiddles: F32
    linear_bins: I64
    linear_weights: F32
    mel_bins: I64
    mel_weights: F32
    dct: F32


class PitchTables(NamedTuple):
    """The same for `frames.extract_pitch`."""

    taper: F32
    taper_lags: F64
    """One over the taper's own normalised autocorrelation."""
    twiddles: F32


@lru_cache(maxsize=16)
def tables(params: FrontEndParams) -> Tables:
    """Shared by all streams of these parameters: not to be written to. Raises ParamError for a mel filter without a bin."""
    wanted = set(params.kinds)
    spectral = wanted & kind.SPECTRAL_KINDS
    return Tables(
        _numbers(params),
        # halved: it takes the halves out of the split of the spectrum
        _padded(taper(params) * np.float32(0.5)) if spectral else np.zeros(0, np.float32),
        np.stack(twiddles(params.n_fft)),
        *_sparse(linear_bank(params) if kind.SPECTROGRAM in wanted else _NO_BANK),
        *_sparse(mel_bank(params) if wanted & kind.MEL_KINDS else _NO_BANK),
        dct_matrix(params.n_mfcc, params.n_mels),
    )


def _numbers(params: FrontEndParams) -> NDArray[Any]:
    numbers = np.zeros(1, NUMBERS)
    for name in ("pre_emphasis", "log_floor", "rolloff_share", "sample_rate_hz", "pitch_floor_hz", "pitch_ceiling_hz"):
        numbers[name] = getattr(params, name)
    numbers["hop"], numbers["frame"] = params.hop_samples, params.frame_samples
    numbers["bin_hz"] = params.sample_rate_hz / params.n_fft
    numbers["loudest_decay"] = 0.5 ** (params.hop_samples / params.sample_rate_hz / PEAK_HALF_LIFE_S)
    for name, row in _rows(params).items():
        numbers[name] = row
    return numbers


def _rows(params: FrontEndParams) -> dict[str, int]:
    rows = {name: params.columns(name).start if name in params.kinds else -1 for name in kind.KINDS}
    if rows[kind.LOG_MEL] < 0 and kind.MEL_KINDS & set(params.kinds):
        rows[kind.LOG_MEL] = params.n_features
    return rows


@lru_cache(maxsize=16)
def pitch_tables(params: FrontEndParams) -> PitchTables:
    """Shared by all streams of these parameters: not to be written to."""
    shape = hann(params.pitch_window_samples + 2)[1:-1]
    n_fft = pitch_fft(params)
    own = np.fft.irfft(np.abs(np.fft.rfft(shape.astype(np.float64), n_fft)) ** 2)[: n_lags(params)]
    return PitchTables(shape, own[0] / own, np.stack(twiddles(n_fft)))


def n_lags(params: FrontEndParams) -> int:
    """How far the autocorrelation is looked at: to the longest period and a neighbour."""
    return int(params.sample_rate_hz / params.pitch_floor_hz) + 3


def pitch_fft(params: FrontEndParams) -> int:
    """Length of the pitch's FFT: no lag that is looked at wraps around."""
    return int(1 << (params.pitch_window_samples + n_lags(params) - 1).bit_length())


class Work(NamedTuple):
    """One stream's work space and what it carries from frame to frame, in the order in which `frames.extract` takes it."""

    fft_work: F32
    power: F32
    rows: F32
    last_log_mel: F32


class PitchWork(NamedTuple):
    """The same for `frames.extract_pitch`."""

    fft_work: F32
    power: F32
    lags: F32
    peaks: F32
    near: I64
    found: F64
    scores: F64
    path: F64
    loudest: F64


def work(params: FrontEndParams) -> Work:
    """All zeros, as a stream begins."""
    n_half = params.n_fft // 2
    n_rows = -(-(params.n_features + params.n_mels) // LANES) * LANES
    return Work(_lanes(n_half + _ROWS_APART, 4), _lanes(n_half + 1), _lanes(n_rows), np.zeros(params.n_mels, np.float32))


def pitch_work(params: FrontEndParams) -> PitchWork:
    """All zeros, as a stream begins."""
    n_half = pitch_fft(params) // 2
    return PitchWork(
        _lanes(n_half + _ROWS_APART, 4),
        _lanes(n_half + 1),
        _lanes(n_lags(params)),
        _lanes(1),
        near=np.zeros(n_lags(params), np.int64),
        found=np.zeros((3, MAX_CANDIDATES)),
        scores=np.zeros(MAX_CANDIDATES),
        path=np.zeros((3, MAX_CANDIDATES)),
        loudest=np.zeros(1),
    )


def delta_work(params: FrontEndParams) -> tuple[F32, F32]:
    """The frames before the next one that `frames.extract_deltas` looks back on: of the MFCC and of their slopes."""
    shape = (params.delta_frames - 1, params.n_mfcc)
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32)


def _lanes(n_rows: int, *more: int) -> F32:
    # a vector that straddles two cache lines is loaded twice: NumPy's own alignment cost up to a fifth
    shape = (*more, n_rows * LANES)
    whole = np.zeros(math.prod(shape) + _CACHE_LINE, np.float32)
    start = -whole.ctypes.data % (4 * _CACHE_LINE) // 4
    return whole[start : start + math.prod(shape)].reshape(shape)


def _padded(values: F32) -> F32:
    return np.concatenate([values, np.zeros(-len(values) % LANES, np.float32)])


def _sparse(bank: F32) -> tuple[I64, F32]:
    """(2, n_filters) first bins and ends of weights, and the weights from each filter's first to its last that is not zero."""
    used = [np.flatnonzero(row) for row in bank]
    weights = [row[bins[0] : bins[-1] + 1] for row, bins in zip(bank, used)]
    starts = np.array([bins[0] for bins in used], np.int64)
    ends = np.cumsum([len(row) for row in weights], dtype=np.int64)
    return np.stack([starts, ends]), np.concatenate([np.zeros(0, np.float32), *weights])
