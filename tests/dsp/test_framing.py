"""Samples and frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import framing
from dsp.errors import ShapeError
from dsp.params import FrontEndParams

SHORT = FrontEndParams(sample_rate_hz=1000, frame_ms=8.0, hop_ms=3.0, n_bands=4, n_mels=2, n_mfcc=1, f_max_hz=500.0)


@given(n_samples=st.integers(0, 200))
def test_frames_are_counted_as_by_hand(n_samples: int) -> None:
    by_hand = [start for start in range(0, 1000, 3) if start + 8 <= n_samples]
    assert framing.n_frames(n_samples, SHORT) == len(by_hand)
    if by_hand:
        assert framing.end_sample(len(by_hand) - 1, SHORT) == by_hand[-1] + 8 <= n_samples
        assert framing.end_sample(len(by_hand), SHORT) > n_samples


def test_pcm_to_full_scale_one() -> None:
    pcm = np.array([-32768, -16384, 0, 1, 32767], np.int16)
    floats = framing.float32_from_int16(pcm)
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, np.array([-1.0, -0.5, 0.0, 1.0 / 32768, 32767.0 / 32768], np.float32))


def test_every_pcm_value_comes_back() -> None:
    pcm = np.arange(-32768, 32768).astype(np.int16)
    np.testing.assert_array_equal((framing.float32_from_int16(pcm) * 32768).astype(np.int32), pcm.astype(np.int32))


def test_pcm_of_another_kind_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"want \(n,\) int16, got \(3,\) int32"):
        framing.float32_from_int16(np.zeros(3, np.int32))
    with pytest.raises(ShapeError, match=r"got \(3, 2\) int16"):
        framing.float32_from_int16(np.zeros((3, 2), np.int16))


def test_mono_float32_passes_uncopied_and_nothing_else_does() -> None:
    samples = np.zeros(5, np.float32)
    assert framing.require_mono_f32(samples) is samples
    assert framing.require_mono_f32(np.zeros(10, np.float32)[::2]).flags.c_contiguous
    with pytest.raises(ShapeError, match=r"want \(n,\) float32, got \(1, 5\) float32"):
        framing.require_mono_f32(samples[None])
