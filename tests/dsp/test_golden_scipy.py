"""The front end beside SciPy: the FFT with its tapers and frames, the bands of the spectrogram, the cosine transform.

SciPy works in float64 here. It differs in two things: its tapers are periodic by name (the symmetric ones are asked
for), and it would hold the coefficient of the pre-emphasis to 16 digits where ours has float32's 0.97, 2e-8 off: near
0 Hz, where 3 % of the sound is left, that is 1e-6 of it, so SciPy is given the coefficient of ours.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.cepstrum import dct_matrix
from dsp.offline import feature_frames
from dsp.params import LOG_MEL, MFCC, POWER, SPECTROGRAM, FrontEndParams
from tests.dsp.signals import SOUNDS, assert_near, needs_peers, sound

if sys.version_info >= (3, 10):
    import scipy.fft
    import scipy.signal

pytestmark = needs_peers

TOLERANCE = 1e-6
"""Of the largest value of a frame: an FFT rounds its small outputs as coarsely as its large ones."""
LOG_TOLERANCE = 1e-4
"""Of a logarithm, and not below 1."""
VARIANTS = {
    "paper 1": FrontEndParams(kinds=(POWER, SPECTROGRAM)),
    "25 ms every 10 ms, Hann": FrontEndParams(frame_ms=25.0, hop_ms=10.0, taper="hann", kinds=(POWER, SPECTROGRAM)),
    "the FFT twice the frame": FrontEndParams(fft_samples=1024, n_bands=64, kinds=(POWER, SPECTROGRAM)),
    "2048 samples": FrontEndParams(frame_ms=128.0, hop_ms=64.0, n_bands=512, kinds=(POWER, SPECTROGRAM)),
    "odd frame": FrontEndParams(frame_ms=10.0625, hop_ms=3.0625, n_bands=32, kinds=(POWER, SPECTROGRAM)),
    "no pre-emphasis": FrontEndParams(pre_emphasis=0.0, kinds=(POWER, SPECTROGRAM)),
    "8 samples, side by side": FrontEndParams(frame_ms=0.5, hop_ms=0.5, n_bands=4, kinds=(POWER, SPECTROGRAM)),
}


def scipy_power(samples: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float64]:
    """(n_frames, n_fft / 2 + 1): filter, frames, taper and FFT are all SciPy's."""
    emphasised = scipy.signal.lfilter([1.0, -float(np.float32(params.pre_emphasis))], [1.0], samples.astype(np.float64))
    taper = scipy.signal.get_window(params.taper, params.frame_samples, fftbins=False)
    spectra = scipy.signal.spectrogram(
        emphasised,
        window=taper,
        noverlap=params.frame_samples - params.hop_samples,
        nfft=params.n_fft,
        detrend=False,
        scaling="spectrum",
        mode="complex",
    )[2]
    # SciPy divides by the taper's sum
    return np.asarray(np.abs(spectra.T * taper.sum()) ** 2)


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_power(name: str, params: FrontEndParams) -> None:
    wanted = scipy_power(sound(name), params)
    got = feature_frames(sound(name), params)[:, params.columns(POWER)]
    assert_near(got, wanted, TOLERANCE, wanted.max(axis=1, keepdims=True))


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_spectrogram(name: str, params: FrontEndParams) -> None:
    """SciPy has no bands: its power is averaged over equally many bins above 0 Hz, and its logarithm taken, by NumPy."""
    bands = scipy_power(sound(name), params)[:, 1:].reshape(-1, params.n_bands, params.n_fft // 2 // params.n_bands)
    wanted = np.log(bands.mean(axis=2) + params.log_floor)
    got = feature_frames(sound(name), params)[:, params.columns(SPECTROGRAM)]
    assert_near(got, wanted, LOG_TOLERANCE, np.maximum(np.abs(wanted), 1.0))


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("n_mels", [20, 40, 128])
def test_cosine_transform(name: str, n_mels: int) -> None:
    """From our log-mel, all terms: what is between them is the cosine transform alone."""
    params = FrontEndParams(fft_samples=2048, n_mels=n_mels, n_mfcc=n_mels, kinds=(LOG_MEL, MFCC))
    frames = feature_frames(sound(name), params)
    log_mel = frames[:, params.columns(LOG_MEL)].astype(np.float64)
    wanted = scipy.fft.dct(log_mel, type=2, norm="ortho", axis=1)
    assert_near(frames[:, params.columns(MFCC)], wanted, TOLERANCE, np.abs(wanted).max(axis=1, keepdims=True))


def test_dct_matrix() -> None:
    wanted = scipy.fft.dct(np.eye(40), type=2, norm="ortho", axis=0)
    np.testing.assert_allclose(dct_matrix(40, 40), wanted, atol=1e-7)
    np.testing.assert_array_equal(dct_matrix(13, 40), dct_matrix(40, 40)[:13])
