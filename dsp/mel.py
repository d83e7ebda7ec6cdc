"""The mel scales and their triangular filters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError
from dsp.params import FrontEndParams

# Slaney's scale (Auditory Toolbox, 1998): 15 mel a kHz up to 1 kHz, 27 steps of equal ratio from there to 6.4 kHz
_LINEAR_MEL_PER_HZ = 3.0 / 200.0
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def mel_from_hz(f_hz: NDArray[np.float64], scale: str = "htk") -> NDArray[np.float64]:
    """htk: 2595 log10(1 + f / 700); slaney: 3 f / 200 up to 1 kHz, 15 + 27 log(f / 1 kHz) / log(6.4) above."""
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + f_hz / 700.0))
    high = np.log(np.maximum(f_hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.asarray(np.minimum(f_hz, _BREAK_HZ) * _LINEAR_MEL_PER_HZ + high)


def hz_from_mel(mel: NDArray[np.float64], scale: str = "htk") -> NDArray[np.float64]:
    """The reverse of `mel_from_hz`."""
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    break_mel = _BREAK_HZ * _LINEAR_MEL_PER_HZ
    ratio = np.exp(_LOG_STEP * np.maximum(mel - break_mel, 0.0))
    return np.asarray(np.minimum(mel, break_mel) / _LINEAR_MEL_PER_HZ * ratio)


def mel_bank(params: FrontEndParams) -> NDArray[np.float32]:
    """Triangles over FFT bins, equally wide in mel: (n_mels, n_fft / 2 + 1) float32.

    As librosa's `filters.mel`, `htk=True` or not, `norm=None` or "slaney"; Kaldi's and HTK's triangles have straight sides
    over mel, these over Hz. Raises ParamError when a triangle is so narrow that no FFT bin falls into it: its output would be
    the log floor for ever.
    """
    low, high = mel_from_hz(np.array([params.f_min_hz, params.f_max_hz]), params.mel_scale)
    edges_hz = hz_from_mel(np.linspace(low, high, params.n_mels + 2), params.mel_scale)
    bins_hz = np.arange(params.n_fft // 2 + 1) * params.sample_rate_hz / params.n_fft
    rising = (bins_hz - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz) / np.diff(edges_hz)[1:, None]
    bank = np.maximum(0.0, np.minimum(rising, falling))
    if params.mel_norm == "slaney":
        bank *= (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    empty = np.flatnonzero(bank.max(axis=1) == 0.0)
    if len(empty):
        raise ParamError(
            f"mel filter {empty[0]} of {params.n_mels} holds no FFT bin: take fewer n_mels, or fft_samples above {params.n_fft}"
        )
    return bank.astype(np.float32)
