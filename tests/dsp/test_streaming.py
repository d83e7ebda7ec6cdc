"""However a stream is cut, the frames are bit for bit those of the whole recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.errors import SampleError, ShapeError
from dsp.frontend import FRAMES_AT_ONCE, warm_up
from dsp.kernels import frames, levels
from dsp.offline import feature_frames
from dsp.online import OnlineFrontEnd
from dsp.params import CENTROID, KINDS, LOG_MEL, PITCH, RMS, ZCR, FrontEndParams

MAX_BLOCK = 4000
VARIANTS = {
    "paper 1": FrontEndParams(),
    "25 ms every 10 ms": FrontEndParams(frame_ms=25.0, hop_ms=10.0),
    "8 kHz": FrontEndParams(sample_rate_hz=8000, n_mels=20, f_max_hz=4000.0),
    "log-mel alone": FrontEndParams(kinds=(LOG_MEL,)),
    "every kind": FrontEndParams(kinds=tuple(KINDS)),
    "every kind, other order": FrontEndParams(kinds=tuple(reversed(list(KINDS))), n_mfcc=40, n_mels=128, mel_scale="slaney"),
    "no spectrum": FrontEndParams(kinds=(ZCR, RMS)),
    "pitch of less than a frame": FrontEndParams(kinds=(PITCH, CENTROID), pitch_floor_hz=120.0, frame_ms=64.0),
    "odd frame": FrontEndParams(frame_ms=10.0625, hop_ms=3.0625, n_bands=64, n_mels=16),
    "frames side by side": FrontEndParams(frame_ms=20.0, hop_ms=20.0),
}
LOUD = np.float32(1.0)


def noise(n_samples: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(n_samples).astype(np.float32) * np.float32(0.1)


def streamed(samples: NDArray[np.float32], cuts: list[int], params: FrontEndParams) -> NDArray[np.float32]:
    """The frames of blocks of the lengths `cuts`, over and over until the samples are used up."""
    front_end = OnlineFrontEnd(params, MAX_BLOCK)
    frames = [np.empty((0, params.n_features), np.float32)]
    at = turn = 0
    while at < len(samples):
        block = samples[at : at + cuts[turn % len(cuts)]]
        frames.append(front_end.push(block).copy())
        at, turn = at + len(block), turn + 1
    assert front_end.n_frames == sum(map(len, frames))
    return np.concatenate(frames)


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
@settings(max_examples=25)
@given(
    cuts=st.lists(st.integers(0, MAX_BLOCK), min_size=1, max_size=12).filter(any),
    n_samples=st.integers(0, 9000),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_cut_gives_the_same_frames(params: FrontEndParams, cuts: list[int], n_samples: int, seed: int) -> None:
    samples = noise(n_samples, seed)
    np.testing.assert_array_equal(streamed(samples, cuts, params), feature_frames(samples, params))


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_sample_by_sample_gives_the_same_frames(params: FrontEndParams) -> None:
    samples = noise(1500, seed=3)
    np.testing.assert_array_equal(streamed(samples, [1], params), feature_frames(samples, params))


@pytest.mark.parametrize(
    "samples",
    [
        np.where(np.arange(3000) % 80 < 40, LOUD, -LOUD).astype(np.float32),
        np.zeros(3000, np.float32),
        np.full(3000, 1e-30, np.float32),
        np.full(3000, levels.LARGEST_SAMPLE, np.float32),
    ],
    ids=["full-scale square wave", "silence", "denormal powers", "far too loud"],
)
def test_extreme_sound_too(samples: NDArray[np.float32]) -> None:
    params = FrontEndParams(kinds=tuple(KINDS))
    frames_heard = streamed(samples, [7, 512, 133], params)
    np.testing.assert_array_equal(frames_heard, feature_frames(samples, params))
    assert np.isfinite(frames_heard).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e13])
def test_what_is_no_sound_is_refused_with_its_place_and_the_stream_goes_on(wrong: float) -> None:
    # an odd frame: vectors reach beyond its end, where a refused block may have lain
    params = FrontEndParams(frame_ms=10.0625, hop_ms=3.0625, n_bands=64, n_mels=16, kinds=tuple(KINDS))
    samples = noise(3000, seed=1)
    bad = samples[:700].copy()
    bad[44:] = wrong
    with pytest.raises(SampleError, match=r"sample 44 is .*: want finite values"):
        feature_frames(bad, params)
    front_end = OnlineFrontEnd(params, MAX_BLOCK)
    first = front_end.push(samples[:1000]).copy()
    with pytest.raises(SampleError, match="sample 44 is"):
        front_end.push(bad)
    rest = [front_end.push(block).copy() for block in np.split(samples[1000:], 2000)]
    np.testing.assert_array_equal(np.concatenate([first, *rest]), feature_frames(samples, params))


def test_a_frame_comes_with_its_last_sample() -> None:
    params = FrontEndParams()
    front_end = OnlineFrontEnd(params, MAX_BLOCK)
    assert len(front_end.push(np.zeros(params.frame_samples - 1, np.float32))) == 0
    assert len(front_end.push(np.zeros(1, np.float32))) == 1
    assert len(front_end.push(np.zeros(params.hop_samples - 1, np.float32))) == 0
    assert len(front_end.push(np.zeros(1, np.float32))) == 1


def test_frames_may_wait_for_each_other_and_are_the_same() -> None:
    params, samples = FrontEndParams(kinds=tuple(KINDS)), noise(9000, 1)
    front_end = OnlineFrontEnd(params, MAX_BLOCK)
    frames = []
    for at in range(0, len(samples), 700):
        front_end.take(samples[at : at + 700])
        if front_end.n_due >= FRAMES_AT_ONCE:
            frames.append(front_end.compute().copy())
    frames.append(front_end.compute().copy())
    assert front_end.n_due == 0
    assert len(frames) < len(samples) // 700
    np.testing.assert_array_equal(np.concatenate(frames), feature_frames(samples, params))


def test_no_more_is_taken_while_too_many_frames_wait() -> None:
    params, block = FrontEndParams(), noise(MAX_BLOCK, 2)
    front_end = OnlineFrontEnd(params, MAX_BLOCK)
    front_end.take(block)
    assert front_end.n_due > FRAMES_AT_ONCE
    with pytest.raises(ShapeError, match="may wait"):
        front_end.take(block)
    assert len(front_end.compute()) > FRAMES_AT_ONCE
    front_end.take(block)


def test_less_than_a_frame_gives_no_frames_of_the_right_width() -> None:
    params = FrontEndParams()
    assert feature_frames(np.zeros(params.frame_samples - 1, np.float32), params).shape == (0, params.n_features)
    assert feature_frames(np.zeros(0, np.float32), params).shape == (0, params.n_features)


def test_blocks_of_the_wrong_kind_are_refused() -> None:
    front_end = OnlineFrontEnd(FrontEndParams(), 100)
    with pytest.raises(ShapeError, match="at most 100 samples, got 101"):
        front_end.push(np.zeros(101, np.float32))
    with pytest.raises(ShapeError, match=r"\(2, 50\) float32"):
        front_end.push(np.zeros((2, 50), np.float32))
    with pytest.raises(ShapeError, match="float64"):
        front_end.push(np.zeros(50))  # type: ignore[arg-type]


def test_a_view_with_gaps_is_heard_as_its_samples() -> None:
    stereo = noise(4000, seed=5).reshape(2000, 2)
    left = np.ascontiguousarray(stereo[:, 0])
    np.testing.assert_array_equal(feature_frames(stereo[:, 0], FrontEndParams()), feature_frames(left, FrontEndParams()))


def test_after_warm_up_nothing_is_compiled() -> None:
    public = (frames.extract, frames.extract_deltas, frames.extract_pitch, levels.take_in)
    params = FrontEndParams(kinds=tuple(KINDS))
    warm_up(params)
    before = [list(kernel.signatures) for kernel in public]
    assert all(before)
    streamed(noise(8000, seed=0), [160], params)
    feature_frames(noise(8000, seed=0)[1:], params)
    assert [list(kernel.signatures) for kernel in public] == before
