"""What a stream of hours meets: positions past 2^31, nothing allocated, fades, and the same bits on every processor."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp import framing
from dsp.frontend import warm_up
from dsp.kernels.levels import SMALLEST_SAMPLE
from dsp.offline import feature_frames
from dsp.online import OnlineFrontEnd
from dsp.params import CENTROID, INTENSITY, KINDS, LOG_MEL, PITCH, POWER, RMS, SAMPLES, SPECTROGRAM, ZCR, FrontEndParams
from dsp.window import SlidingWindow

ALL = FrontEndParams(kinds=tuple(KINDS))
MEASURED = FrontEndParams(kinds=tuple(kind for kind in KINDS if kind != SAMPLES))


def noise(n_samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


@pytest.mark.parametrize("block_samples", [320, 1600])
def test_a_block_allocates_nothing_but_the_view_that_is_returned(block_samples: int) -> None:
    warm_up(ALL)
    front_end = OnlineFrontEnd(ALL, block_samples)
    blocks = np.split(noise(10 * block_samples), 10)
    for k in range(2000):  # after a thousand calls, Python 3.8 gives a function a cache
        front_end.push(blocks[k % 10])
    gc.collect()
    tracemalloc.start()
    try:
        for k in range(100):
            front_end.push(blocks[k % 10])
        before, _ = tracemalloc.get_traced_memory()
        for k in range(1000):
            front_end.push(blocks[k % 10])
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # nothing is kept, not a byte a block; integers and the header of a view come and go, and no array: a frame is 5 kB
    assert after - before < 256
    assert peak - before < 2500


def test_frames_are_right_past_two_to_the_31_samples() -> None:
    params = FrontEndParams(kinds=(RMS, ZCR, INTENSITY))
    warm_up(params)
    front_end = OnlineFrontEnd(params, 1 << 22)
    silence = np.zeros(1 << 22, np.float32)
    for _ in range((1 << 31) // len(silence)):
        front_end.push(silence)
    assert front_end.n_frames == framing.n_frames(1 << 31, params)
    # the next frame begins half a frame before the 2^31st sample
    tail = noise(16000)
    got = front_end.push(tail)
    half = params.frame_samples - params.hop_samples
    np.testing.assert_array_equal(got, feature_frames(np.concatenate([silence[:half], tail]), params))
    last_end = framing.end_sample(front_end.n_frames - 1, params)
    assert (1 << 31) + len(tail) - params.hop_samples < last_end <= (1 << 31) + len(tail)


def test_windows_know_their_place_past_two_to_the_31_samples() -> None:
    params = FrontEndParams()
    sliding = SlidingWindow(params, 10, 5)
    first = (1 << 31) // params.hop_samples + 1
    sliding.begin(first)
    (window,) = sliding.push(np.zeros((10, params.n_features), np.float32))
    assert window.end_sample == (first + 9) * params.hop_samples + params.frame_samples > 1 << 31


def test_a_fade_into_silence_makes_no_denormal_powers() -> None:
    # they would take a processor a hundred times as long as other numbers
    params = FrontEndParams(kinds=(POWER,))
    fade = noise(64000) * np.float32(10.0) ** np.linspace(1, -42, 64000).astype(np.float32)
    power = feature_frames(fade, params)
    assert (power[0] > 1e-3).all()
    assert ((power == 0.0) | (power >= np.finfo(np.float32).tiny)).all()
    assert (power[-1] == 0.0).all()


def test_less_than_the_smallest_sample_is_silence_and_more_is_not() -> None:
    params = FrontEndParams(kinds=(POWER, RMS, PITCH))
    tone = np.sin(np.arange(4000) * 0.05).astype(np.float32)
    np.testing.assert_array_equal(
        feature_frames(tone * np.float32(0.9 * SMALLEST_SAMPLE), params), feature_frames(tone * np.float32(0.0), params)
    )
    assert (feature_frames(tone * np.float32(100 * SMALLEST_SAMPLE), params)[:, params.columns(RMS)] > 0.0).all()


def test_an_offset_changes_levels_and_no_more() -> None:
    params = FrontEndParams(kinds=(SPECTROGRAM, PITCH, RMS, ZCR))
    phase = 2 * np.pi * 150.0 * np.arange(16000) / 16000
    tone = np.sum([0.1 * np.sin(k * phase) / k for k in range(1, 10)], axis=0).astype(np.float32)
    clean, offset = feature_frames(tone, params), feature_frames(tone + np.float32(0.5), params)
    pitch = params.columns(PITCH)
    assert (clean[2:, pitch.start] > 0.0).all()
    # the first frame hears the offset's onset
    np.testing.assert_allclose(offset[4:, pitch.start], clean[4:, pitch.start], rtol=1e-3)
    # pre-emphasis leaves 3 % of an offset, the taper's side lobes spread a little of that into the lowest bands
    np.testing.assert_allclose(offset[1:, 4:40], clean[1:, 4:40], atol=0.1)
    np.testing.assert_allclose(offset[:, params.columns(RMS)], np.hypot(clean[:, params.columns(RMS)], 0.5), rtol=0.02)
    assert (offset[:, params.columns(ZCR)] == 0.0).all()


def test_clipped_sound_has_finite_features_and_its_pitch() -> None:
    params = FrontEndParams(kinds=tuple(KINDS))
    tone = np.clip(20.0 * np.sin(2 * np.pi * 200.0 * np.arange(16000) / 16000), -1.0, 1.0).astype(np.float32)
    frames = feature_frames(tone, params)
    assert np.isfinite(frames).all()
    np.testing.assert_allclose(frames[2:, params.columns(PITCH).start], 200.0, rtol=0.01)


def test_the_bits_are_those_of_every_processor_and_compiler() -> None:
    """The hash was the same from AVX-512, AVX2 and SSE2 code, under Numba 0.58 and 0.68, Python 3.8 and 3.11."""
    n = np.arange(16000)
    hiss = (np.arange(1, 16001, dtype=np.uint64) * np.uint64(6364136223846793005) >> np.uint64(48)).astype(np.int64) - 32768
    sawtooth = ((n * 128) % 16000 - 8000) * 2
    samples = ((sawtooth + hiss // 64).clip(-32768, 32767) * 2.0**-15).astype(np.float32)
    frames = feature_frames(samples, MEASURED)
    assert hashlib.sha256(frames.tobytes()).hexdigest().startswith("e901c62a04bc7100")


def test_a_kind_alone_is_what_it_is_among_others() -> None:
    samples = noise(8000)
    together = feature_frames(samples, ALL)
    for kind in (POWER, LOG_MEL, CENTROID, PITCH, RMS):
        alone = FrontEndParams(kinds=(kind,))
        np.testing.assert_array_equal(feature_frames(samples, alone), together[:, ALL.columns(kind)])


def test_frames_side_by_side_are_the_recording() -> None:
    samples = noise(5000)
    frames = feature_frames(samples, FrontEndParams(frame_ms=20.0, hop_ms=20.0, kinds=(SAMPLES,)))
    assert frames.shape == (15, 320)
    np.testing.assert_array_equal(frames.ravel(), samples[:4800])
