"""The front end beside NumPy's FFT in float64, under every Python, and what its tables must be like."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.mel import hz_from_mel, mel_from_hz
from dsp.offline import feature_frames
from dsp.params import LOG_MEL, SPECTROGRAM, FrontEndParams
from dsp.spectrum import hamming, linear_bank, twiddles
from tests.dsp.signals import speechlike

VARIANTS = {
    "paper 1": FrontEndParams(kinds=(SPECTROGRAM,)),
    "25 ms every 10 ms": FrontEndParams(frame_ms=25.0, hop_ms=10.0, kinds=(SPECTROGRAM,)),
    "8 kHz": FrontEndParams(sample_rate_hz=8000, kinds=(SPECTROGRAM,)),
    "radix 4 to the end": FrontEndParams(frame_ms=128.0, hop_ms=64.0, kinds=(SPECTROGRAM,)),
    "odd frame": FrontEndParams(frame_ms=10.0625, hop_ms=3.0625, n_bands=64, kinds=(SPECTROGRAM,)),
}


def reference_power(samples: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float64]:
    """(n_frames, n_fft / 2 + 1) in float64, frame by frame as the papers write it."""
    x = samples.astype(np.float64)
    emphasised = x - params.pre_emphasis * np.concatenate([[0.0], x[:-1]])
    n = params.frame_samples
    taper = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n) / (n - 1))
    starts = range(0, len(x) - n + 1, params.hop_samples)
    spectra = [np.fft.rfft(emphasised[start : start + n] * taper, params.n_fft) for start in starts]
    return np.asarray(np.abs(np.array(spectra)) ** 2)


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_spectrogram_is_the_log_of_mean_fft_power(params: FrontEndParams) -> None:
    samples = speechlike(12000)
    power = reference_power(samples, params)[:, 1:]
    wanted = np.log(power.reshape(len(power), params.n_bands, -1).mean(axis=2) + params.log_floor)
    got = feature_frames(samples, params)[:, params.columns(SPECTROGRAM)]
    np.testing.assert_allclose(got, wanted, atol=1e-3)
    assert np.abs(got - wanted).mean() < 1e-5


def test_hamming_has_the_equation_that_the_paper_meant() -> None:
    taper = hamming(512)
    assert taper[0] == pytest.approx(0.08)
    assert taper[-1] == pytest.approx(0.08)
    assert taper[128] == pytest.approx(0.54 - 0.46 * np.cos(2 * np.pi * 128 / 511), abs=1e-7)


def test_a_tone_lands_in_its_band_and_nowhere_else() -> None:
    params = FrontEndParams(pre_emphasis=0.0, kinds=(SPECTROGRAM,))
    tone = (0.5 * np.sin(2 * np.pi * 1000.0 * np.arange(16000) / 16000)).astype(np.float32)
    bands = feature_frames(tone, params)
    # 31.25 Hz a bin, two bins a band, the first at 31.25 Hz: 1000 Hz is bin 32, band 15
    assert (bands.argmax(axis=1) == 15).all()
    assert (bands[:, 15] - bands[:, 100] > 10.0).all()


def test_the_offset_of_a_microphone_is_not_in_the_spectrogram() -> None:
    params = FrontEndParams()
    bank = linear_bank(params)
    assert (bank[:, 0] == 0.0).all()
    np.testing.assert_allclose(bank.sum(axis=1), 1.0)
    assert (bank[:, 1:] > 0.0).sum() == params.n_fft // 2


def test_silence_is_the_log_floor() -> None:
    params = FrontEndParams(kinds=(SPECTROGRAM, LOG_MEL))
    frames = feature_frames(np.zeros(2000, np.float32), params)
    np.testing.assert_allclose(frames, np.log(params.log_floor), rtol=1e-6)


def test_mel_scale_there_and_back() -> None:
    f_hz = np.array([0.0, 100.0, 1000.0, 8000.0])
    np.testing.assert_allclose(hz_from_mel(mel_from_hz(f_hz)), f_hz, atol=1e-9)
    assert mel_from_hz(np.array([1000.0]))[0] == pytest.approx(1000.0, abs=0.02)


def test_twiddles_are_the_roots_of_unity() -> None:
    cos, sin = twiddles(16)
    np.testing.assert_allclose((cos + 1j * sin) ** 16, np.ones(16), atol=1e-5)
    assert sin[1] < 0.0  # a forward transform
