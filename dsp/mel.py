"""The mel scale and its triangular filters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError
from dsp.params import FrontEndParams


def mel_from_hz(f_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scale of HTK: 2595 log10(1 + f / 700)."""
    return np.asarray(2595.0 * np.log10(1.0 + f_hz / 700.0))


def hz_from_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The reverse of `mel_from_hz`."""
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))


def mel_bank(params: FrontEndParams) -> NDArray[np.float32]:
    """Triangles of height 1, equally wide in mel: (n_mels, n_fft / 2 + 1) float32.

    As librosa's `filters.mel(htk=True, norm=None)`. Raises ParamError when a triangle is so narrow that no FFT
    bin falls into it: its output would be the log floor for ever.
    """
    low, high = mel_from_hz(np.array([params.f_min_hz, params.f_max_hz]))
    edges_mel = np.linspace(low, high, params.n_mels + 2)
    edges_hz = hz_from_mel(edges_mel)
    bins_hz = np.arange(params.n_fft // 2 + 1) * params.sample_rate_hz / params.n_fft
    rising = (bins_hz - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz) / np.diff(edges_hz)[1:, None]
    bank = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    empty = np.flatnonzero(bank.max(axis=1) == 0.0)
    if len(empty):
        raise ParamError(
            f"mel filter {empty[0]} of {params.n_mels} holds no FFT bin: "
            f"take fewer n_mels or a longer frame than {params.frame_ms} ms"
        )
    return bank
