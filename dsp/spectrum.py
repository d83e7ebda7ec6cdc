"""Tapers, FFT twiddles and the linear bands of the spectrogram: the tables that a power spectrum needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.params import FrontEndParams


def hamming(n_samples: int) -> NDArray[np.float32]:
    """Symmetric Hamming taper, 0.54 - 0.46 cos(2 pi n / (N - 1)): (n_samples,) float32.

    Equation (3) of paper 1 misprints the denominator as a factor.
    """
    return np.hamming(n_samples).astype(np.float32)


def hann(n_samples: int) -> NDArray[np.float32]:
    """Symmetric Hann taper, 0.5 - 0.5 cos(2 pi n / (N - 1)): (n_samples,) float32."""
    return np.hanning(n_samples).astype(np.float32)


def taper(params: FrontEndParams) -> NDArray[np.float32]:
    """The taper that the parameters name: (frame_samples,) float32."""
    return {"hamming": hamming, "hann": hann}[params.taper](params.frame_samples)


def twiddles(n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos and sin of -2 pi k / n for k < n: two (n,) float32."""
    angle = -2.0 * np.pi * np.arange(n) / n
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def linear_bank(params: FrontEndParams) -> NDArray[np.float32]:
    """Weights that average neighbouring FFT bins into `n_bands` equal bands: (n_bands, n_fft / 2 + 1) float32.

    The bin at 0 Hz is left out: a microphone's offset stands there, not speech.
    """
    bins_a_band = params.n_fft // 2 // params.n_bands
    bank = np.zeros((params.n_bands, params.n_fft // 2 + 1), np.float32)
    for band in range(params.n_bands):
        bank[band, 1 + band * bins_a_band : 1 + (band + 1) * bins_a_band] = 1.0 / bins_a_band
    return bank
