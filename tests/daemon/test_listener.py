"""A listener: blocks in, the windows of utterances out, the same however the stream is cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon import assembly
from daemon.demo import RECORDING
from daemon.events import Block, Stretch
from daemon.listener import Closed, Heard, Listener, Opened
from daemon.settings import GateSettings, Settings
from dsp import framing
from dsp.offline import feature_frames
from dsp.params import MFCC, FrontEndParams
from dsp.window import FeatureWindow, utterance_windows
from models import registry, runtime
from tests.daemon.streams import FRAME_SAMPLES, RATE_HZ, blocks, drawn, is_loud

PARAMS = FrontEndParams(kinds=(MFCC,))
WINDOW_FRAMES = 16
STRIDE_FRAMES = 5
LONGEST_BLOCK = 16000
GATE = GateSettings(
    onset_ms=120.0, onset_share=0.8, pre_roll_ms=60.0, post_roll_ms=0.0, hang_over_ms=600.0, longest_utterance_s=20.0
)

patterns = st.lists(st.tuples(st.sampled_from("#."), st.integers(1, 70)), min_size=1, max_size=8).map(
    lambda runs: "".join(one * n for one, n in runs)
)
gates = st.builds(
    GateSettings,
    onset_ms=st.sampled_from([20.0, 120.0]),
    pre_roll_ms=st.sampled_from([1.0, 60.0, 350.0]),
    post_roll_ms=st.sampled_from([0.0, 90.0]),
    hang_over_ms=st.sampled_from([100.0, 600.0, 3000.0]),
    longest_utterance_s=st.sampled_from([2.0, 20.0]),
)


def listener(gate: GateSettings = GATE) -> Listener:
    return Listener(PARAMS, WINDOW_FRAMES, STRIDE_FRAMES, gate, is_loud, LONGEST_BLOCK)


def heard(ear: Listener, stream: Iterable[Block]) -> list[Heard]:
    return [one for block in stream for one in ear.push(block)] + ear.finish()


def utterances(told: list[Heard]) -> list[tuple[Stretch, list[FeatureWindow]]]:
    """Each with its windows; fails unless every opening has windows and one closing."""
    found: list[tuple[Stretch, list[FeatureWindow]]] = []
    windows: list[FeatureWindow] | None = None
    for one in told:
        if isinstance(one, Opened):
            assert windows is None
            windows = []
        elif isinstance(one, FeatureWindow):
            assert windows is not None
            windows.append(one)
        else:
            assert windows
            found.append((one.stretch, windows))
            windows = None
    assert windows is None
    return found


def offline(samples: NDArray[np.int16], stretch: Stretch, base_sample: int = 0) -> tuple[NDArray[np.float32], int]:
    """The windows of the frames that lie within the stretch, and where the last of them ends."""
    frames = feature_frames(framing.float32_from_int16(samples), PARAMS)
    starts = base_sample + np.arange(len(frames)) * PARAMS.hop_samples
    within = (starts >= stretch.start_sample) & (starts + PARAMS.frame_samples <= stretch.end_sample)
    end = int(starts[within][-1]) + PARAMS.frame_samples
    return utterance_windows(frames[within], PARAMS, WINDOW_FRAMES, STRIDE_FRAMES), end


def require_same_as_offline(
    told: list[tuple[Stretch, list[FeatureWindow]]], samples: NDArray[np.int16], base_sample: int = 0
) -> None:
    for stretch, windows in told:
        wanted, end_sample = offline(samples, stretch, base_sample)
        np.testing.assert_array_equal(np.stack([one.values for one in windows]), wanted)
        assert windows[-1].end_sample == end_sample
        steps = np.diff([one.end_sample for one in windows[:-1]])
        assert (steps == STRIDE_FRAMES * PARAMS.hop_samples).all()


@settings(max_examples=60)
@given(pattern=patterns, gate=gates, cuts=st.lists(st.integers(1, LONGEST_BLOCK), min_size=1, max_size=6))
def test_any_cut_gives_the_same_windows_as_the_frames_of_the_whole(pattern: str, gate: GateSettings, cuts: list[int]) -> None:
    samples = drawn(pattern)
    once = utterances(heard(listener(gate), blocks(samples)))
    again = utterances(heard(listener(gate), blocks(samples, cuts)))
    assert [stretch for stretch, _ in again] == [stretch for stretch, _ in once]
    for (_, left), (_, right) in zip(once, again):
        assert [one.end_sample for one in left] == [one.end_sample for one in right]
        assert all(one.values.tobytes() == other.values.tobytes() for one, other in zip(left, right))
    require_same_as_offline(once, samples)


def block_by_block(ear: Listener, stream: Iterable[Block]) -> list[list[tuple[object, ...]]]:
    """What each block told, and the end."""
    told = [*([ear.push(block) for block in stream]), ear.finish()]
    return [
        [(type(one), *(v.tobytes() if isinstance(v, np.ndarray) else v for v in vars(one).values())) for one in some]
        for some in told
    ]


@settings(max_examples=30)
@given(pattern=patterns, gate=gates, cuts=st.lists(st.integers(1, 2000), min_size=1, max_size=4))
def test_frames_that_wait_for_each_other_make_nothing_late(pattern: str, gate: GateSettings, cuts: list[int]) -> None:
    samples = drawn(pattern)
    waiting = block_by_block(listener(gate), blocks(samples, cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemon.listener.FRAMES_AT_ONCE", 1)
        at_once = block_by_block(listener(gate), blocks(samples, cuts))
    assert waiting == at_once


def test_nor_what_is_told_once_speech_was_found_in_it() -> None:
    model = runtime.open_model(registry.DEFAULT)
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    waiting = block_by_block(assembly.listener(Settings(), model.contract), blocks(samples))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemon.listener.FRAMES_AT_ONCE", 1)
        at_once = block_by_block(assembly.listener(Settings(), model.contract), blocks(samples))
    assert waiting == at_once
    assert sum(one[0] is Closed for some in waiting for one in some) == 5


def test_windows_come_while_somebody_still_speaks() -> None:
    ear = listener()
    told = [one for block in blocks(drawn("." * 10 + "#" * 60)) for one in ear.push(block)]
    assert isinstance(told[0], Opened)
    assert told[0].start_sample == 7 * FRAME_SAMPLES
    assert len(told) > 3
    assert all(isinstance(one, FeatureWindow) for one in told[1:])


def test_a_pause_that_ends_the_utterance_is_in_no_window() -> None:
    samples = drawn("." * 10 + "#" * 40 + "." * 60)
    ((stretch, windows),) = utterances(heard(listener(), blocks(samples)))
    assert stretch.end_sample == 50 * FRAME_SAMPLES
    assert stretch.end_sample - PARAMS.hop_samples < windows[-1].end_sample <= stretch.end_sample


def test_an_utterance_shorter_than_a_window_gives_one() -> None:
    samples = drawn("." * 10 + "#" * 6 + "." * 60)
    ((_, windows),) = utterances(heard(listener(), blocks(samples)))
    assert len(windows) == 1
    assert windows[0].values.shape == (WINDOW_FRAMES, PARAMS.n_features)


@pytest.mark.parametrize("after", ["." * 200, "#" + "." * 200, "." * 20 + "#" * 5 + "." * 200, "#"])
def test_after_a_cut_what_opens_also_closes(after: str) -> None:
    """Silence, and speech shorter than a frame, are no utterance and leave none open."""
    samples = drawn("." * 10 + "#" * 97 + after)
    found = utterances(heard(listener(replace(GATE, longest_utterance_s=2.0)), blocks(samples)))
    assert found[0][0].end_sample == 107 * FRAME_SAMPLES
    require_same_as_offline(found, samples)


def test_speech_shorter_than_a_frame_is_none() -> None:
    gate = replace(GATE, onset_ms=20.0, pre_roll_ms=1.0)
    assert heard(listener(gate), blocks(drawn("." * 50 + "#" + "." * 50))) == []


@pytest.mark.parametrize("hole", [1, 320, 12345, 10_000_000])
@pytest.mark.parametrize("block", [FRAME_SAMPLES, 777])
def test_a_hole_ends_the_utterance(hole: int, block: int) -> None:
    before, after = drawn("." * 10 + "#" * 50), drawn("#" * 45 + "." * 60, seed=1)
    base = len(before) + hole
    told = heard(listener(), [*blocks(before, [block]), *blocks(after, [block], start_sample=base)])
    first, second = utterances(told)
    assert first[0].end_sample == len(before)
    assert (second[0].start_sample, second[0].end_sample) == (base, base + 45 * FRAME_SAMPLES)
    require_same_as_offline([first], before)
    require_same_as_offline([second], after, base)


def test_a_hole_in_silence_says_nothing() -> None:
    quiet = drawn("." * 100)
    assert heard(listener(), [*blocks(quiet), *blocks(quiet, start_sample=999_999)]) == []


def clipped_share(pattern: str) -> list[float]:
    return [one.clipped_share for one in heard(listener(), blocks(drawn(pattern))) if isinstance(one, Closed)]


def test_the_share_of_clipped_samples() -> None:
    assert clipped_share("." * 10 + "#" * 50 + "." * 50) == [0.0]
    (all_of_it,) = clipped_share("." * 10 + "!" * 50 + "." * 50)
    assert all_of_it > 0.85
    (a_half,) = clipped_share("." * 10 + "#" * 30 + "!" * 30 + "." * 50)
    assert 0.35 < a_half < 0.65


def test_clipping_is_counted_anew_for_each_utterance() -> None:
    loud, clear = clipped_share("." * 10 + "!" * 50 + "." * 50 + "#" * 50 + "." * 50)
    assert loud > 0.85
    assert clear == 0.0


def test_windows_are_read_only() -> None:
    ((_, windows),) = utterances(heard(listener(), blocks(drawn("#" * 50))))
    with pytest.raises(ValueError, match="read-only"):
        windows[0].values[0, 0] = 1.0


def test_the_rate_of_the_drawings_is_the_front_end_s() -> None:
    assert PARAMS.sample_rate_hz == RATE_HZ
