"""Windows, and pieces, are slices of the frames, given once each and at the right time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp import framing
from dsp.errors import ShapeError
from dsp.params import FrontEndParams
from dsp.window import FeatureWindow, Pieces, SlidingWindow, tile, utterance_windows

PARAMS = FrontEndParams(sample_rate_hz=1000, frame_ms=8.0, hop_ms=3.0, n_bands=4, n_mels=2, n_mfcc=1, f_max_hz=500.0)


def numbered(n_frames: int, first: int = 0) -> NDArray[np.float32]:
    """Frames that no two places share."""
    return (first + np.arange(n_frames * PARAMS.n_features, dtype=np.float32)).reshape(n_frames, PARAMS.n_features)


def naive(frames: NDArray[np.float32], window: int, stride: int) -> list[tuple[int, NDArray[np.float32]]]:
    """(end frame, values) of each window of one utterance."""
    n = len(frames)
    if n < window:
        return [(n, np.concatenate([frames] * window)[:window])] if n else []
    ends = list(range(window, n + 1, stride))
    ends += [n] if ends[-1] != n else []
    return [(end, frames[end - window : end]) for end in ends]


def heard(sliding: SlidingWindow, frames: NDArray[np.float32], cuts: list[int]) -> list[FeatureWindow]:
    windows: list[FeatureWindow] = []
    at = turn = 0
    while at < len(frames):
        block = frames[at : at + cuts[turn % len(cuts)]]
        windows += sliding.push(block)
        at, turn = at + len(block), turn + 1
    return windows + list(sliding.finish())


@settings(max_examples=200)
@given(
    n_frames=st.integers(0, 80),
    window=st.integers(1, 20),
    stride=st.integers(1, 25),
    first_frame=st.integers(0, 1000),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=5),
)
def test_windows_are_slices(n_frames: int, window: int, stride: int, first_frame: int, cuts: list[int]) -> None:
    frames = numbered(n_frames)
    sliding = SlidingWindow(PARAMS, window, stride)
    sliding.begin(first_frame)
    got = heard(sliding, frames, cuts)
    wanted = naive(frames, window, stride)
    assert len(got) == len(wanted)
    for feature_window, (end, values) in zip(got, wanted):
        np.testing.assert_array_equal(feature_window.values, values)
        assert feature_window.end_sample == framing.end_sample(first_frame + end - 1, PARAMS)


@settings(max_examples=100, deadline=None)
@given(
    n_frames=st.integers(0, 80),
    stride=st.integers(1, 25),
    first_frame=st.integers(0, 1000),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=5),
)
def test_pieces_are_the_frames_each_once(n_frames: int, stride: int, first_frame: int, cuts: list[int]) -> None:
    frames = numbered(n_frames)
    pieces = Pieces(PARAMS, stride)
    # of another utterance, nothing is left
    list(pieces.push(numbered(stride + stride // 2, first=5000)))
    pieces.begin(first_frame)
    got = heard(pieces, frames, cuts)
    starts = range(0, n_frames, stride)
    assert len(got) == len(starts)
    for piece, start in zip(got, starts):
        np.testing.assert_array_equal(piece.values, frames[start : start + stride])
        end = min(start + stride, n_frames)
        assert piece.end_sample == framing.end_sample(first_frame + end - 1, PARAMS)
        assert not piece.values.flags.writeable


def test_a_piece_is_given_as_soon_as_it_is_full() -> None:
    pieces = Pieces(PARAMS, 4)
    assert [len(list(pieces.push(frame))) for frame in np.split(numbered(9), 9)] == [0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_an_early_window_is_not_touched_by_later_frames() -> None:
    sliding = SlidingWindow(PARAMS, 4, 1)
    frames = numbered(12)
    early = next(iter(sliding.push(frames[:4])))
    kept = early.values.copy()
    list(sliding.push(frames[4:]))
    np.testing.assert_array_equal(early.values, kept)
    with pytest.raises(ValueError, match="read-only"):
        early.values[0, 0] = 1.0


def test_begin_forgets_the_utterance_before() -> None:
    sliding = SlidingWindow(PARAMS, 4, 2)
    assert heard(sliding, numbered(7, first=1000), [3])
    sliding.begin(first_frame=50)
    assert list(sliding.finish()) == []
    sliding.begin(first_frame=50)
    (only,) = heard(sliding, numbered(2), [1])
    np.testing.assert_array_equal(only.values, np.concatenate([numbered(2), numbered(2)]))
    assert only.end_sample == framing.end_sample(51, PARAMS)


def test_finish_after_a_window_on_the_last_frame_gives_nothing() -> None:
    sliding = SlidingWindow(PARAMS, 4, 2)
    assert len(list(sliding.push(numbered(6)))) == 2
    assert list(sliding.finish()) == []


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (1, 0), (-3, 2)])
def test_windows_without_length_are_refused(window: int, stride: int) -> None:
    with pytest.raises(ShapeError, match="at least 1 frame"):
        SlidingWindow(PARAMS, window, stride)


def test_frames_of_another_kind_are_refused() -> None:
    sliding = SlidingWindow(PARAMS, 4, 2)
    with pytest.raises(ShapeError, match=r"want \(k, 5\) float32, got \(2, 4\) float32"):
        list(sliding.push(np.zeros((2, 4), np.float32)))
    with pytest.raises(ShapeError, match="float64"):
        list(sliding.push(np.zeros((2, 5))))  # type: ignore[arg-type]


def test_tile_repeats_from_the_start() -> None:
    frames = numbered(3)
    np.testing.assert_array_equal(tile(frames, 7), frames[[0, 1, 2, 0, 1, 2, 0]])
    np.testing.assert_array_equal(tile(frames, 3), frames)


@given(n_frames=st.integers(1, 40), window=st.integers(1, 12), stride=st.integers(1, 15))
def test_utterance_windows_are_the_sliding_ones(n_frames: int, window: int, stride: int) -> None:
    frames = numbered(n_frames)
    sliding = SlidingWindow(PARAMS, window, stride)
    slid = [each.values for each in (*sliding.push(frames), *sliding.finish())]
    windows = utterance_windows(frames, PARAMS, window, stride)
    assert windows.dtype == np.float32
    np.testing.assert_array_equal(windows, np.stack(slid))
    np.testing.assert_array_equal(windows, np.stack([values for _, values in naive(frames, window, stride)]))


@pytest.mark.parametrize(
    ("frames", "window", "stride", "says"),
    [
        (numbered(0), 4, 3, "shorter than a frame"),
        (numbered(5), 0, 3, "at least 1 frame, got 0 and 3"),
        (numbered(5), 4, 0, "at least 1 frame, got 4 and 0"),
        (np.zeros((2, 4), np.float32), 4, 3, r"want \(k, 5\) float32, got \(2, 4\) float32"),
    ],
)
def test_utterance_windows_refuse_what_the_sliding_window_does(
    frames: NDArray[np.float32], window: int, stride: int, says: str
) -> None:
    with pytest.raises(ShapeError, match=says):
        utterance_windows(frames, PARAMS, window, stride)
