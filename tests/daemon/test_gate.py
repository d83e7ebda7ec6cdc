"""The gate: where speech begins and ends, by rules that no cut of the stream can change."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.events import Stretch
from daemon.gate import SpeechGate, webrtc_detector
from daemon.settings import GateSettings
from tests.daemon.streams import FRAME_MS, FRAME_SAMPLES, RATE_HZ, drawn, is_loud, pieces

RECORDING = Path(__file__).parents[2] / "daemon" / "demo" / "cabin.flac"

GATE = GateSettings(
    onset_ms=120.0, onset_share=0.8, pre_roll_ms=60.0, post_roll_ms=0.0, hang_over_ms=800.0, longest_utterance_s=20.0
)
ONSET, PRE_ROLL, HANG_OVER = 6, 3, 40
"""The same in frames; of the onset, 5 must be loud."""

patterns = st.lists(st.tuples(st.sampled_from("#."), st.integers(1, 60)), min_size=1, max_size=12).map(
    lambda runs: "".join(one * n for one, n in runs)
)
gates = st.builds(
    GateSettings,
    onset_ms=st.sampled_from([20.0, 60.0, 120.0, 200.0]),
    onset_share=st.sampled_from([0.3, 0.8, 1.0]),
    pre_roll_ms=st.sampled_from([1.0, 20.0, 60.0, 500.0]),
    post_roll_ms=st.sampled_from([0.0, 20.0, 50.0, 100.0]),
    hang_over_ms=st.sampled_from([100.0, 130.0, 600.0, 5000.0]),
    longest_utterance_s=st.sampled_from([2.0, 3.01, 20.0]),
)


def stretches(samples: NDArray[np.int16], gate: GateSettings = GATE, cuts: Sequence[int] = (FRAME_SAMPLES,)) -> list[Stretch]:
    """All of them, the one that the end of the stream closes included."""
    speech = SpeechGate(gate, RATE_HZ, is_loud)
    found = [stretch for piece in pieces(samples, cuts) for stretch in speech.push(piece)]
    last = speech.finish()
    return found + ([last] if last is not None else [])


def in_frames(found: list[Stretch]) -> list[tuple[int, int]]:
    assert all(one.start_sample % FRAME_SAMPLES == one.end_sample % FRAME_SAMPLES == 0 for one in found)
    return [(one.start_sample // FRAME_SAMPLES, one.end_sample // FRAME_SAMPLES) for one in found]


@settings(max_examples=150)
@given(pattern=patterns, gate=gates, tail=st.integers(0, 319), cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=6))
def test_any_cut_gives_the_same_stretches(pattern: str, gate: GateSettings, tail: int, cuts: list[int]) -> None:
    samples = drawn(pattern + "#")[: len(pattern) * FRAME_SAMPLES + tail]
    assert stretches(samples, gate, cuts) == stretches(samples, gate, [len(samples)])


@settings(max_examples=300)
@given(pattern=patterns, gate=gates)
def test_stretches_hold_something_and_never_overlap(pattern: str, gate: GateSettings) -> None:
    found = stretches(drawn(pattern), gate)
    bounds = [bound for one in found for bound in (one.start_sample, one.end_sample)]
    assert bounds == sorted(bounds)
    assert all(one.start_sample < one.end_sample <= one.decided_sample <= len(pattern) * FRAME_SAMPLES for one in found)
    longest_s = max(gate.longest_utterance_s, gate.hang_over_ms / 1000) + (gate.onset_ms + gate.pre_roll_ms) / 1000
    assert all(one.end_sample - one.start_sample <= longest_s * RATE_HZ + FRAME_SAMPLES for one in found)


@settings(max_examples=200)
@given(pattern=patterns)
def test_what_is_loud_long_enough_lies_in_a_stretch(pattern: str) -> None:
    found = in_frames(stretches(drawn(pattern), replace(GATE, longest_utterance_s=300.0)))
    for run_end in range(ONSET, len(pattern) + 1):
        if pattern[run_end - ONSET : run_end] == "#" * ONSET:
            assert any(start <= run_end - ONSET and run_end <= end for start, end in found)
    assert all(pattern[end - 1] == "#" for _, end in found)


def test_nothing_loud_is_no_speech() -> None:
    assert stretches(drawn("." * 500)) == []


def test_a_click_is_no_speech() -> None:
    assert stretches(drawn("." * 20 + "####" + "." * 50)) == []
    assert in_frames(stretches(drawn("." * 20 + "#####" + "." * 50))) == [(20 - PRE_ROLL, 25)]


def test_a_gap_within_the_onset_is_forgiven() -> None:
    assert in_frames(stretches(drawn("." * 20 + "##.###" + "." * 50))) == [(20 - PRE_ROLL, 26)]
    assert stretches(drawn("." * 20 + "##..##" + "." * 50)) == []


def test_a_pause_shorter_than_the_hang_over_ends_nothing() -> None:
    one = "." * 10 + "#" * 20 + "." * (HANG_OVER - 1) + "#" * 20 + "." * HANG_OVER
    assert in_frames(stretches(drawn(one))) == [(10 - PRE_ROLL, 10 + 20 + HANG_OVER - 1 + 20)]
    two = "." * 10 + "#" * 20 + "." * HANG_OVER + "#" * 20 + "." * HANG_OVER
    assert in_frames(stretches(drawn(two))) == [(7, 30), (30 + HANG_OVER - PRE_ROLL, 50 + HANG_OVER)]


def test_the_end_is_known_after_the_hang_over() -> None:
    (stretch,) = stretches(drawn("#" * 50 + "." * 100))
    assert stretch.decided_sample - stretch.end_sample == HANG_OVER * FRAME_SAMPLES


def test_the_pre_roll_ends_at_the_start_of_the_stream_and_at_what_was_judged() -> None:
    assert in_frames(stretches(drawn("." + "#" * 20))) == [(0, 21)]
    gate = replace(GATE, hang_over_ms=100.0, pre_roll_ms=1000.0)
    found = in_frames(stretches(drawn("." * 60 + "#" * 20 + "." * 10 + "#" * 20), gate))
    assert found == [(10, 80), (80, 110)]


def test_a_long_talk_is_cut_without_a_gap() -> None:
    found = in_frames(stretches(drawn("#" * 1000 + "." * 50), replace(GATE, longest_utterance_s=5.0)))
    assert found == [(0, 250), (250, 500), (500, 750), (750, 1000)]


def test_a_talk_cut_in_a_pause_goes_on_from_its_last_voice() -> None:
    found = in_frames(stretches(drawn("#" * 95 + "." * 10 + "#" * 20 + "." * 50), replace(GATE, longest_utterance_s=2.0)))
    assert found == [(0, 95), (95, 125)]


@pytest.mark.parametrize("hang_over_ms", [100.0, 600.0, 5000.0])
def test_silence_after_a_cut_gives_nothing(hang_over_ms: float) -> None:
    gate = replace(GATE, longest_utterance_s=2.0, hang_over_ms=hang_over_ms)
    assert in_frames(stretches(drawn("#" * 100 + "." * 400), gate)) == [(0, 100)]
    assert in_frames(stretches(drawn("#" * 100), gate)) == [(0, 100)]


def test_a_stream_may_begin_anywhere() -> None:
    speech = SpeechGate(GATE, RATE_HZ, is_loud, start_sample=1000)
    (stretch,) = speech.push(drawn("#" * 50 + "." * 100))
    assert (stretch.start_sample, stretch.end_sample) == (1000, 1000 + 50 * FRAME_SAMPLES)


def test_while_somebody_speaks_the_gate_says_since_when() -> None:
    speech = SpeechGate(GATE, RATE_HZ, is_loud)
    speech.push(drawn("." * 50))
    assert speech.start is None
    speech.push(drawn("#" * 10 + "." * 5))
    assert speech.start == (50 - PRE_ROLL) * FRAME_SAMPLES
    assert speech.voiced_end == 60 * FRAME_SAMPLES
    assert len(speech.push(drawn("." * HANG_OVER))) == 1
    assert speech.start is None


@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_the_real_detector_hears_speech_and_no_silence(aggressiveness: int) -> None:
    detect = webrtc_detector(aggressiveness, RATE_HZ)
    samples = np.asarray(soundfile.read(RECORDING, dtype="int16")[0], np.int16)
    voiced = [detect(piece.tobytes()) for piece in pieces(samples, [FRAME_SAMPLES]) if len(piece) == FRAME_SAMPLES]
    assert 0.3 * len(voiced) < sum(voiced) < len(voiced)
    silence = np.zeros(FRAME_SAMPLES, np.int16).tobytes()
    quiet = [detect(silence) for _ in range(1000 // FRAME_MS)]
    assert not any(quiet)


def goes_on(n_before: int, n_voiced: int) -> Iterator[bool]:
    return itertools.chain([False] * n_before, [True] * n_voiced, itertools.repeat(False))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("." * 50 + "#" * 30 + "." * 60, [(47, 84)]),
        # a pause within the hang-over is no end, and what comes after the last voice alone is kept
        ("." * 50 + "#" * 30 + "." * 10 + "#" * 10 + "." * 60, [(47, 104)]),
        # the stream ends first
        ("." * 50 + "#" * 30 + "." * 2, [(47, 82)]),
        # the next one's pre-roll does not reach back into it
        ("#" * 30 + "." * 40 + "#" * 30 + "." * 60, [(0, 34), (67, 104)]),
    ],
)
def test_a_post_roll_is_kept_after_the_last_voice(pattern: str, expected: list[tuple[int, int]]) -> None:
    assert in_frames(stretches(drawn(pattern), replace(GATE, post_roll_ms=80.0))) == expected


def test_a_post_roll_ends_before_silence_and_is_none_where_a_talk_is_cut() -> None:
    gate = replace(GATE, post_roll_ms=80.0)
    sound = np.concatenate([drawn("." * 50 + "#" * 30 + ".." + "." * 60)])
    sound[82 * FRAME_SAMPLES : 83 * FRAME_SAMPLES] = 0
    assert in_frames(stretches(sound, gate)) == [(47, 82)]
    cut = in_frames(stretches(drawn("#" * 98 + "." * 12 + "#" * 30 + "." * 60), replace(gate, longest_utterance_s=2.0)))
    assert cut == [(0, 98), (98, 144)]


@pytest.mark.parametrize(("range_db", "expected"), [(40.0, (50, 80)), (96.0, (47, 95))])
def test_what_is_far_below_the_voice_is_not_part_of_it(range_db: float, expected: tuple[int, int]) -> None:
    """The detector goes on for a while after the voice, into near silence, and the pre-roll reaches back into it."""
    near_silence = np.ones(50 * FRAME_SAMPLES, np.int16)
    sound = np.concatenate([near_silence, drawn("#" * 30), near_silence, near_silence])
    says = goes_on(50, 45)
    gate = SpeechGate(replace(GATE, range_db=range_db), RATE_HZ, lambda _: next(says))
    assert in_frames(gate.push(sound)) == [expected]
