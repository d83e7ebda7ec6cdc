"""The front end beside librosa, on real speech: every feature that librosa has too.

librosa works in float64 here. It differs in four things, all of them settings: its frames are centred (`center=False`
puts them where ours are), a taper shorter than the FFT stands in the middle of the FFT and not at its start (so the
sound is delayed by that much; a power does not see it), its tapers are periodic by name (the symmetric ones are
handed over), and its pre-emphasis extrapolates a sample before the first (`zi=0` says there was silence).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp import params as kinds
from dsp.mel import mel_bank
from dsp.offline import feature_frames
from dsp.params import FrontEndParams
from tests.dsp.signals import SOUNDS, assert_near, needs_peers, sound

if sys.version_info >= (3, 10):
    import librosa
    import scipy.signal

pytestmark = needs_peers

TOLERANCE = 1e-4
COMPARED = (
    kinds.POWER,
    kinds.POWER_DB,
    kinds.LOG_MEL,
    kinds.MFCC,
    kinds.MFCC_DELTA,
    kinds.MFCC_DELTA2,
    kinds.ZCR,
    kinds.RMS,
    kinds.INTENSITY,
    kinds.CENTROID,
    kinds.ROLLOFF,
    kinds.FLUX,
)
INTENSITY_FLOOR = 1e-10
VARIANTS = {
    "paper 1": FrontEndParams(kinds=COMPARED),
    "slaney 80, Hann, 25 ms": FrontEndParams(
        frame_ms=25.0, hop_ms=10.0, taper="hann", n_mels=80, mel_scale="slaney", mel_norm="slaney", f_min_hz=0.0,
        fft_samples=1024, n_mfcc=40, kinds=COMPARED,
    ),
    "htk 128, no pre-emphasis": FrontEndParams(
        pre_emphasis=0.0, fft_samples=2048, n_mels=128, n_mfcc=40, delta_frames=5, rolloff_share=0.95, kinds=COMPARED
    ),
    "slaney 128, 64 ms": FrontEndParams(
        frame_ms=64.0, n_mels=128, mel_scale="slaney", f_min_hz=0.0, delta_frames=3, kinds=COMPARED
    ),
    "8 kHz, slaney 20, no norm": FrontEndParams(
        sample_rate_hz=8000, n_mels=20, mel_scale="slaney", f_max_hz=4000.0, rolloff_share=0.5, kinds=COMPARED
    ),
    "htk 20 of area 1, an odd frame": FrontEndParams(
        frame_ms=10.0625, hop_ms=3.0625, n_mels=20, mel_norm="slaney", f_min_hz=100.0, f_max_hz=7000.0, kinds=COMPARED
    ),
}  # fmt: skip


def librosa_mel(params: FrontEndParams) -> dict[str, Any]:
    """librosa's options for mel bands, set as ours."""
    return {
        "sr": params.sample_rate_hz,
        "n_fft": params.n_fft,
        "n_mels": params.n_mels,
        "fmin": params.f_min_hz,
        "fmax": params.f_max_hz,
        "htk": params.mel_scale == "htk",
        "norm": None if params.mel_norm == "none" else params.mel_norm,
        "dtype": np.float64,
    }


@dataclass(frozen=True)
class Case:
    """One sound under one set of parameters: our frames, and librosa's way up to the MFCC, frames first."""

    name: str
    params: FrontEndParams

    @cached_property
    def samples(self) -> NDArray[np.float64]:
        return sound(self.name).astype(np.float64)

    @cached_property
    def ours(self) -> NDArray[np.float32]:
        return feature_frames(sound(self.name), self.params)

    def of(self, kind: str) -> NDArray[np.float32]:
        return self.ours[:, self.params.columns(kind)]

    @cached_property
    def power(self) -> NDArray[np.float64]:
        params = self.params
        emphasised = librosa.effects.preemphasis(self.samples, coef=params.pre_emphasis, zi=[0.0])
        before = (params.n_fft - params.frame_samples) // 2
        spectra = librosa.stft(
            np.pad(emphasised, (before, params.n_fft - params.frame_samples - before)),
            n_fft=params.n_fft,
            hop_length=params.hop_samples,
            win_length=params.frame_samples,
            window=scipy.signal.get_window(params.taper, params.frame_samples, fftbins=False),
            center=False,
        )
        return np.asarray(np.abs(spectra.T) ** 2)

    @cached_property
    def log_mel(self) -> NDArray[np.float64]:
        mel = librosa.feature.melspectrogram(S=self.power.T, **librosa_mel(self.params))
        return np.asarray(np.log(mel.T + self.params.log_floor))

    @cached_property
    def mfcc(self) -> NDArray[np.float64]:
        return np.asarray(librosa.feature.mfcc(S=self.log_mel.T, n_mfcc=self.params.n_mfcc, dct_type=2, norm="ortho").T)

    def framed(self, feature: str, **options: object) -> NDArray[np.float64]:
        """A feature of librosa's that it takes from the samples."""
        how = {"frame_length": self.params.frame_samples, "hop_length": self.params.hop_samples, "center": False}
        return np.asarray(getattr(librosa.feature, feature)(y=self.samples, **how, **options).T)

    def spectral(self, feature: str, **options: object) -> NDArray[np.float64]:
        """A feature of librosa's that it takes from the magnitudes."""
        how = {"sr": self.params.sample_rate_hz, "n_fft": self.params.n_fft}
        return np.asarray(getattr(librosa.feature, feature)(S=np.sqrt(self.power.T), **how, **options).T)


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_mel_bank(params: FrontEndParams) -> None:
    bank = librosa.filters.mel(**librosa_mel(params))
    assert_near(mel_bank(params), bank, 1e-6, bank.max())


@pytest.fixture(scope="module", params=SOUNDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=list(VARIANTS))
def case(request: pytest.FixtureRequest, name: str) -> Case:
    return Case(name, request.param)


def slope(rows: NDArray[np.float64], params: FrontEndParams) -> NDArray[np.float64]:
    """librosa's delta, which looks as far ahead as back, as one that has only the past.

    The stream's first row stands for those before it, and each row is given the slope at the middle of those that
    end with it.
    """
    past = params.delta_frames - 1
    padded = np.concatenate([np.repeat(rows[:1], past, axis=0), rows])
    slopes = librosa.feature.delta(padded.T, width=params.delta_frames, order=1).T
    return np.asarray(slopes[past // 2 : past // 2 + len(rows)])


def test_power_in_db(case: Case) -> None:
    """Of our own power, which SciPy's FFT vouches for: in a gap of the spectrum, dB show what float32 rounds away.

    librosa has a least power instead of one that is added: the sum is handed over.
    """
    power = case.of(kinds.POWER).astype(np.float64) + case.params.log_floor
    wanted = librosa.power_to_db(power, amin=case.params.log_floor, top_db=None)
    assert_near(case.of(kinds.POWER_DB), wanted, TOLERANCE, np.maximum(np.abs(wanted), 1.0))


def test_log_mel(case: Case) -> None:
    """Relative to the logarithm, and not below 1."""
    assert_near(case.of(kinds.LOG_MEL), case.log_mel, TOLERANCE, np.maximum(np.abs(case.log_mel), 1.0))


def test_mfcc(case: Case) -> None:
    """Relative to each coefficient's standard deviation over the sound: most have a mean near 0."""
    assert_near(case.of(kinds.MFCC), case.mfcc, TOLERANCE, case.mfcc.std(axis=0))


def test_mfcc_delta(case: Case) -> None:
    """Relative to each slope's standard deviation over the sound."""
    wanted = slope(case.mfcc, case.params)
    assert_near(case.of(kinds.MFCC_DELTA), wanted, TOLERANCE, wanted.std(axis=0))


def test_mfcc_delta2(case: Case) -> None:
    """The slope of the slope, and not librosa's `order=2`, which bends a parabola. Relative to its standard deviation."""
    wanted = slope(slope(case.mfcc, case.params), case.params)
    assert_near(case.of(kinds.MFCC_DELTA2), wanted, TOLERANCE, wanted.std(axis=0))


def test_a_delta_is_librosas_of_half_its_width_ago(case: Case) -> None:
    """Without any padding of ours: away from both ends of the sound."""
    width = case.params.delta_frames
    wanted = librosa.feature.delta(case.mfcc.T, width=width, order=1).T[width // 2 : -(width // 2)]
    assert_near(case.of(kinds.MFCC_DELTA)[width - 1 :], wanted, TOLERANCE, wanted.std(axis=0))


def test_zero_crossings(case: Case) -> None:
    """0 counts as positive. A count over a length: nothing but float32 may be between them."""
    assert_near(case.of(kinds.ZCR), case.framed("zero_crossing_rate", zero_pos=True), 1e-7)


def test_rms(case: Case) -> None:
    wanted = case.framed("rms")
    assert_near(case.of(kinds.RMS), wanted, TOLERANCE, wanted)


def test_intensity(case: Case) -> None:
    """librosa has a least power instead of one that is added, as above. Relative to the value in dB, not below 1 dB."""
    wanted = librosa.power_to_db(case.framed("rms") ** 2 + INTENSITY_FLOOR, amin=INTENSITY_FLOOR, top_db=None)
    assert_near(case.of(kinds.INTENSITY), wanted, TOLERANCE, np.maximum(np.abs(wanted), 1.0))


def test_centroid(case: Case) -> None:
    wanted = case.spectral("spectral_centroid")
    assert_near(case.of(kinds.CENTROID), wanted, TOLERANCE, wanted)


def test_rolloff(case: Case) -> None:
    """In whole bins: where two of them share the mark, rounding decides."""
    wanted = case.spectral("spectral_rolloff", roll_percent=case.params.rolloff_share)
    off_by = np.abs(case.of(kinds.ROLLOFF) - wanted) * case.params.n_fft / case.params.sample_rate_hz
    assert off_by.max() < 1.001
    assert (off_by < 1e-3).mean() >= 0.999


def test_flux(case: Case) -> None:
    """librosa's onset strength of the frame before, averaged over bands. Relative to its standard deviation."""
    wanted = librosa.onset.onset_strength(S=case.log_mel.T, lag=1, max_size=1, center=False)[:, None]
    assert_near(case.of(kinds.FLUX), wanted, TOLERANCE, wanted.std())


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_silence(params: FrontEndParams) -> None:
    """Its magnitudes sum to 0, by which neither divides: its centroid and its roll-off are at 0 Hz, as librosa's."""
    frames = feature_frames(np.zeros(2000, np.float32), params)
    silence = np.zeros((params.n_fft // 2 + 1, len(frames)))
    rates = {"sr": params.sample_rate_hz, "n_fft": params.n_fft}
    for kind, feature in ((kinds.CENTROID, "spectral_centroid"), (kinds.ROLLOFF, "spectral_rolloff")):
        wanted = getattr(librosa.feature, feature)(S=silence, **rates).T
        np.testing.assert_array_equal(frames[:, params.columns(kind)], wanted)
