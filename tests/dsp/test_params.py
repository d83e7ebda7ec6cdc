"""FrontEndParams cannot hold nonsense."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import ParamError
from dsp.mel import mel_bank
from dsp.offline import feature_frames
from dsp.params import LOG_MEL, MFCC, SPECTROGRAM, FrontEndParams, whole_samples

NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "half a sample": ({"sample_rate_hz": 22050, "hop_ms": 10.0, "f_max_hz": 8000.0}, "10.0 ms at 22050 Hz is 220.5 samples"),
    "no sample rate": ({"sample_rate_hz": 0}, "want a rate above zero"),
    "no frame": ({"frame_ms": 0.0}, "0 samples"),
    "no hop": ({"hop_ms": 0.0}, "0 samples"),
    "hop longer than the frame": ({"hop_ms": 48.0}, "at most the frame"),
    "bands that do not divide the bins": ({"n_bands": 100}, "a divisor of 256"),
    "more bands than bins": ({"n_bands": 512}, "a divisor of 256"),
    "no bands": ({"n_bands": 0}, "a divisor"),
    "pre-emphasis of one": ({"pre_emphasis": 1.0}, "0 <= value < 1"),
    "negative pre-emphasis": ({"pre_emphasis": -0.1}, "0 <= value < 1"),
    "no log floor": ({"log_floor": 0.0}, "above zero"),
    "no kinds": ({"kinds": ()}, "each at most once"),
    "a kind twice": ({"kinds": (MFCC, MFCC)}, "each at most once"),
    "unknown kind": ({"kinds": ("chroma",)}, "from samples, power, power_db"),
    "mel range beyond half the rate": ({"sample_rate_hz": 8000}, "f_max <= 4000"),
    "mel range upside down": ({"f_min_hz": 4000.0, "f_max_hz": 300.0}, "f_min < f_max"),
    "more mfcc than mels": ({"n_mfcc": 41}, "1 to n_mels, 40"),
    "no mfcc": ({"n_mfcc": 0}, "1 to n_mels"),
}


@pytest.mark.parametrize(("values", "says"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_with_its_numbers(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParamError, match=says):
        FrontEndParams(**values)


def test_mel_filters_too_narrow_for_the_fft_are_refused() -> None:
    params = FrontEndParams(n_mels=200)
    with pytest.raises(ParamError, match="holds no FFT bin"):
        mel_bank(params)
    with pytest.raises(ParamError, match="of 200 holds no FFT bin"):
        feature_frames(np.zeros(0, np.float32), params)


def test_the_front_end_of_paper_1() -> None:
    params = FrontEndParams()
    assert (params.frame_samples, params.hop_samples, params.n_fft) == (512, 256, 512)
    assert params.width(SPECTROGRAM) == 128
    assert params.width(MFCC) == 13
    assert params.n_features == 141


def test_columns_follow_the_order_of_the_kinds() -> None:
    params = FrontEndParams(kinds=(MFCC, LOG_MEL, SPECTROGRAM))
    assert params.columns(MFCC) == slice(0, 13)
    assert params.columns(LOG_MEL) == slice(13, 53)
    assert params.columns(SPECTROGRAM) == slice(53, 181)
    with pytest.raises(ParamError, match="makes mfcc, not spectrogram"):
        FrontEndParams(kinds=(MFCC,)).columns(SPECTROGRAM)


def test_the_fft_is_a_power_of_two_that_holds_the_frame() -> None:
    assert FrontEndParams(frame_ms=25.0, hop_ms=10.0).n_fft == 512
    assert FrontEndParams(frame_ms=0.25, hop_ms=0.25, n_bands=4, n_mels=1, n_mfcc=1).n_fft == 8


@given(frame_ms=st.integers(1, 100), rate_hz=st.sampled_from([8000, 16000, 44100, 48000]))
def test_whole_samples_are_whole_or_refused(frame_ms: int, rate_hz: int) -> None:
    if frame_ms * rate_hz % 1000:
        with pytest.raises(ParamError, match="give a whole number"):
            whole_samples(frame_ms, rate_hz)
    else:
        assert whole_samples(frame_ms, rate_hz) == frame_ms * rate_hz // 1000


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        FrontEndParams().n_mels = 3  # type: ignore[misc]


def test_round_trip_through_json() -> None:
    params = FrontEndParams(frame_ms=25.0, hop_ms=10.0, n_mfcc=20, kinds=(LOG_MEL,))
    assert FrontEndParams.from_dict(json.loads(json.dumps(params.as_dict()))) == params
    assert FrontEndParams.from_dict({}) == FrontEndParams()
    assert FrontEndParams.from_dict({"frame_ms": 32}) == FrontEndParams()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hop": 10}, "unknown front-end parameter 'hop'"),
        ({"n_mels": 40.0}, "n_mels is 40.0"),
        ({"n_mels": True}, "n_mels is True"),
        ({"hop_ms": "16"}, "hop_ms is '16'"),
        ({"hop_ms": float("nan")}, "hop_ms is nan"),
        ({"kinds": "mfcc"}, "kinds is 'mfcc'"),
        ({"kinds": [1]}, r"kinds is \[1\]"),
        ({"n_mfcc": None}, "n_mfcc is None"),
    ],
)
def test_values_of_another_kind_are_refused_by_name(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParamError, match=says):
        FrontEndParams.from_dict(values)
