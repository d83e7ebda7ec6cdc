"""What a seat gets to know: bounded, told to the next utterance, and forgotten after silence, on a word, and at a jump."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.acquaintance import MOST_S, MOST_UTTERANCES, NEWEST, TELLABLE, Acquaintance
from daemon.settings import SeatSettings
from dsp.errors import ParamError
from dsp.params import FrontEndParams
from models.adaptation import Heard, Running
from tests.daemon.voices import FRONT_END, LONG_FRAMES, Voice

RATE_HZ = FRONT_END.sample_rate_hz
FRAMES_A_SECOND = RATE_HZ / FRONT_END.hop_samples
LEAST_FRAMES = int(np.ceil(0.6 * FRAMES_A_SECOND))
FORGET_AFTER_S = 60.0


def seat(forget_after_s: float = FORGET_AFTER_S) -> Acquaintance:
    return Acquaintance("driver", FRONT_END, SeatSettings(forget_after_s=forget_after_s))


def told(acquaintance: Acquaintance) -> Heard:
    known = acquaintance.known()
    assert known is not None
    return known


def after(n: int, voice: Voice) -> Acquaintance:
    acquaintance = seat()
    for _ in range(n):
        acquaintance.heard(voice.says(), 0)
    return acquaintance


def test_at_first_nothing_is_known() -> None:
    assert seat().known() is None
    assert seat().n_utterances == 0
    assert seat().worth_keeping() is None


def test_what_was_said_is_known_to_the_next() -> None:
    acquaintance, voice = seat(), Voice(1)
    said = [voice.says(100), voice.says(300)]
    acquaintance.heard(said[0], 0)
    first = told(acquaintance)
    np.testing.assert_array_equal(first.functionals, said[0].functionals)
    np.testing.assert_array_equal(first.log_mel, said[0].log_mel)
    acquaintance.heard(said[1], 0)
    both = told(acquaintance)
    assert (both.n_frames, both.n_utterances) == (400, 2)
    np.testing.assert_allclose(both.functionals, (said[0].functionals + said[1].functionals) / 2, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(both.log_mel, said[0].log_mel / 4 + said[1].log_mel * 3 / 4, rtol=1e-6)


def test_a_short_utterance_teaches_nothing() -> None:
    acquaintance, voice = seat(), Voice(1)
    acquaintance.heard(voice.says(LEAST_FRAMES - 1), 0)
    assert acquaintance.known() is None
    acquaintance.heard(voice.says(LEAST_FRAMES), 0)
    assert told(acquaintance).n_utterances == 1


def test_a_front_end_without_functionals_is_refused() -> None:
    with pytest.raises(ParamError, match="lacks"):
        Acquaintance("driver", FrontEndParams(), SeatSettings())


Steps = st.lists(st.tuples(st.integers(0, 3 * RATE_HZ), st.sampled_from([10, LONG_FRAMES, 5000])), max_size=60)


@settings(max_examples=50, deadline=None)
@given(steps=Steps)
def test_it_is_bounded_and_counts_what_it_was_taught(steps: list[tuple[int, int]]) -> None:
    acquaintance, voice = seat(), Voice(2)
    now_sample = n_taught = n_frames = 0
    for gap_samples, utterance_frames in steps:
        now_sample += gap_samples
        acquaintance.heard(voice.says(utterance_frames), now_sample)
        acquaintance.passed(now_sample)
        if utterance_frames >= LEAST_FRAMES:
            n_taught, n_frames = n_taught + 1, n_frames + utterance_frames
        assert acquaintance.n_utterances == min(n_taught, MOST_UTTERANCES)
        known = acquaintance.known()
        assert (known is None) == (n_taught == 0)
        if known is not None:
            assert known.n_utterances == acquaintance.n_utterances
            assert known.n_frames == min(n_frames, round(MOST_S * FRAMES_A_SECOND))
            assert np.isfinite(known.functionals).all()
            assert np.isfinite(known.log_mel).all()


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["speech", "cough", "clipped", "silence"]), st.integers(1, 50)), max_size=40),
)
def test_a_long_silence_and_nothing_else_is_one(steps: list[tuple[str, int]]) -> None:
    """Whoever coughs is still there."""
    acquaintance, voice = seat(), Voice(3)
    now_s = spoken_s = n_known = 0
    for what, seconds in steps:
        now_s += seconds
        if what == "silence":
            acquaintance.passed(now_s * RATE_HZ)
            n_known = 0 if now_s - spoken_s >= FORGET_AFTER_S else n_known
        else:
            said = {"speech": voice.says(), "cough": voice.says(5), "clipped": None}[what]
            acquaintance.heard(said, now_s * RATE_HZ)
            spoken_s, n_known = now_s, n_known + (what == "speech")
        assert acquaintance.n_utterances == n_known


@pytest.mark.parametrize(("n_samples_less", "n_known"), [(1, 1), (0, 0)])
def test_the_silence_is_counted_to_the_sample(n_samples_less: int, n_known: int) -> None:
    acquaintance = seat()
    acquaintance.heard(Voice(1).says(), 5000)
    acquaintance.passed(5000 + int(FORGET_AFTER_S) * RATE_HZ - n_samples_less)
    assert acquaintance.n_utterances == n_known


def test_a_slow_change_is_followed() -> None:
    """One voice turns into another over hundreds of utterances, and none of them is a jump."""
    acquaintance, first, second = seat(), Voice(4), Voice(5)
    rng = np.random.default_rng(0)
    for n in range(900):
        share = min(1.0, n / 600)
        mixed = (1.0 - share) * first.centre + share * second.centre + rng.normal(size=len(first.centre))
        acquaintance.heard(Heard(np.zeros(FRONT_END.n_mels, np.float32), 100, mixed.astype(np.float32), 1), 0)
    assert acquaintance.n_utterances == MOST_UTTERANCES
    assert np.abs(told(acquaintance).functionals - second.centre).mean() < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_one_voice_is_never_forgotten(seed: int) -> None:
    acquaintance, voice = seat(), Voice(seed)
    for n in range(1, 400):
        acquaintance.heard(voice.says(), 0)
        assert acquaintance.n_utterances == min(n, MOST_UTTERANCES)


def n_until_forgotten(acquaintance: Acquaintance, voice: Voice, most: int = 50) -> int | None:
    for n in range(1, most + 1):
        acquaintance.heard(voice.says(), 0)
        if acquaintance.n_utterances == 0:
            return n
    return None


FAR = 3.0
"""How many times farther apart than an utterance from its speaker's centre these voices are."""


@pytest.mark.parametrize("n_before", [TELLABLE + NEWEST, 200])
def test_another_voice_is_noticed_and_known_anew(n_before: int) -> None:
    acquaintance, other = after(n_before, Voice(6, FAR)), Voice(7, FAR)
    n = n_until_forgotten(acquaintance, other)
    assert n is not None
    assert n <= NEWEST
    assert acquaintance.known() is None
    said = other.says()
    acquaintance.heard(said, 0)
    np.testing.assert_array_equal(told(acquaintance).functionals, said.functionals)


def test_a_single_odd_utterance_is_no_jump() -> None:
    acquaintance = after(100, Voice(6, FAR))
    assert n_until_forgotten(acquaintance, Voice(7, FAR), most=1) is None


def test_before_enough_is_known_nothing_is_a_jump() -> None:
    """What the newest are held against is of others: until they are, they count as that voice's own."""
    assert n_until_forgotten(after(TELLABLE - 1, Voice(6, FAR)), Voice(7, FAR), most=NEWEST) is None
    assert n_until_forgotten(after(TELLABLE, Voice(6, FAR)), Voice(7, FAR), most=NEWEST) == NEWEST


@pytest.mark.parametrize("seed", range(4))
def test_a_mood_that_passes_is_no_jump(seed: int) -> None:
    """Two standard deviations in each functional, a quarter of the newest utterances, and that again and again."""
    calm, moved = Voice(seed), Voice(seed)
    moved.centre = calm.centre + np.random.default_rng(seed).choice([-2.0, 2.0], len(calm.centre))
    acquaintance = after(60, calm)
    for turn in range(200):
        acquaintance.heard((moved if turn % NEWEST < NEWEST // 4 else calm).says(), 0)
        assert acquaintance.n_utterances == MOST_UTTERANCES


def test_a_mood_that_stays_is_taken_for_another_voice() -> None:
    """Known, and no better: see the benchmark."""
    calm, moved = Voice(0), Voice(0)
    moved.centre = calm.centre + np.random.default_rng(0).choice([-2.0, 2.0], len(calm.centre))
    assert n_until_forgotten(after(60, calm), moved) is not None


def test_it_says_once_what_is_forgotten_and_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    acquaintance, voice = after(45, Voice(6, FAR)), Voice(7, FAR)
    n_until_forgotten(acquaintance, voice)
    for _ in range(3):
        acquaintance.heard(voice.says(), 0)
    acquaintance.passed(10**9)
    acquaintance.passed(2 * 10**9)
    acquaintance.heard(voice.says(), 0)
    acquaintance.forget("ignition")
    acquaintance.forget("ignition")
    said = [record.getMessage() for record in caplog.records]
    assert [line.rsplit(": ", 1)[1] for line in said] == ["another voice", "long silence", "ignition"]
    assert said[1] == "seat driver: forgotten what 3 utterances taught: long silence"


def test_asked_to_forget_it_learns_nothing_of_what_is_being_said() -> None:
    acquaintance, voice = after(5, Voice(6)), Voice(7)
    acquaintance.ask_to_forget("ignition")
    acquaintance.heard(voice.says(), 0)
    assert acquaintance.known() is None
    acquaintance.heard(voice.says(), 0)
    assert acquaintance.n_utterances == 1, "asked once, forgotten once"


@pytest.mark.parametrize("notices", [lambda one: one.passed(0), lambda one: one.known()], ids=["nobody speaks", "asked for"])
def test_asked_to_forget_it_does_so_before_anything_else(notices: Callable[[Acquaintance], object]) -> None:
    acquaintance = after(5, Voice(6))
    acquaintance.ask_to_forget("ignition")
    notices(acquaintance)
    assert acquaintance.n_utterances == 0
    assert acquaintance.known() is None


def test_the_same_utterances_teach_the_same() -> None:
    once, again = after(120, Voice(6)), after(120, Voice(6))
    np.testing.assert_array_equal(told(once).functionals, told(again).functionals)
    np.testing.assert_array_equal(told(once).log_mel, told(again).log_mel)


def test_what_is_recalled_is_known_as_it_was_kept() -> None:
    first = after(73, Voice(6, FAR))
    kept = first.worth_keeping()
    assert kept is not None
    second = seat()
    second.memory = second.recalled(kept)
    np.testing.assert_array_equal(told(second).functionals, told(first).functionals)
    np.testing.assert_array_equal(told(second).log_mel, told(first).log_mel)
    assert second.n_utterances == first.n_utterances == MOST_UTTERANCES
    # and another voice is told from it as soon as enough of that was heard
    assert n_until_forgotten(second, Voice(7, FAR)) == NEWEST


def wrong(kept: Running) -> dict[str, Running]:
    return {
        "its log_mel is of": replace(kept, log_mel=kept.log_mel[1:]),
        "its functionals is of": replace(kept, functionals=kept.functionals[1:]),
        "its scatter is of": replace(kept, scatter=kept.scatter[np.newaxis]),
        "its scatter is below 0": replace(kept, scatter=kept.scatter - 1e9),
        "it counts 0 utterances": replace(kept, n_utterances=0.0),
        "it counts 61 utterances": replace(kept, n_utterances=61.0),
        "of 0 frames": replace(kept, n_frames=0.0),
        "of 1e+09 frames": replace(kept, n_frames=1e9),
    }


@pytest.mark.parametrize("says", wrong(Running.nothing(4, 4)))
def test_what_cannot_be_its_own_is_not_recalled(says: str) -> None:
    kept = after(5, Voice(6)).worth_keeping()
    assert kept is not None
    seat().recalled(kept)
    with pytest.raises(ValueError, match=re.escape(says)):
        seat().recalled(wrong(kept)[says])
