"""From probabilities to what is worth saying: verdict, mood, forgetting, episodes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.decision import CLIPPED_SHARE, Episode, Mood, episode_step, faded, smoothed, verdict
from daemon.settings import DecisionSettings
from dsp.params import FrontEndParams
from models.contract import UNCERTAIN, Contract

LABELS = ("anger", "neutral", "sadness")
RATE_HZ = 16000
DEFAULT = DecisionSettings(min_confidence=0.35)


def row(*values: float) -> NDArray[np.float64]:
    return np.array(values, np.float64)


ANGRY, NEUTRAL, SAD = row(0.8, 0.1, 0.1), row(0.1, 0.8, 0.1), row(0.1, 0.1, 0.8)


def after(
    windows: list[NDArray[np.float64]], asked: DecisionSettings = DEFAULT, stride_s: float = 0.5, mood: Mood | None = None
) -> Mood:
    """The mood after these windows, each of which brings `stride_s`."""
    mood = mood or Mood()
    for window in windows:
        mood = smoothed(mood, window, mood.heard_sample + round(stride_s * RATE_HZ), stride_s, LABELS, asked)
    return mood


def mixed(mood: Mood) -> list[float]:
    assert mood.probabilities is not None
    return [float(value) for value in mood.probabilities]


# ---- verdict ----


def test_a_verdict_is_the_mean_of_the_windows() -> None:
    said = verdict([row(0.6, 0.3, 0.1), row(0.4, 0.5, 0.1)], LABELS, DEFAULT)
    assert (said.label, said.confidence) == ("anger", 0.5)
    assert said.probabilities == {"anger": 0.5, "neutral": 0.4, "sadness": 0.1}


def test_a_verdict_that_is_not_likely_enough_is_uncertain() -> None:
    assert verdict([row(0.36, 0.34, 0.3)], LABELS, DecisionSettings(min_confidence=0.36)).label == "anger"
    said = verdict([row(0.36, 0.34, 0.3)], LABELS, DecisionSettings(min_confidence=0.37))
    assert (said.label, said.confidence) == (UNCERTAIN, 0.36)


def test_a_verdict_on_clipped_speech_is_uncertain() -> None:
    assert verdict([ANGRY], LABELS, DEFAULT, clipped_share=CLIPPED_SHARE).label == "anger"
    said = verdict([ANGRY], LABELS, DEFAULT, clipped_share=CLIPPED_SHARE + 0.001)
    assert (said.label, said.confidence) == (UNCERTAIN, 0.8)


@settings(max_examples=200)
@given(
    windows=st.lists(st.lists(st.floats(0.001, 1.0), min_size=3, max_size=3), min_size=1, max_size=9),
    min_confidence=st.floats(0.0, 0.99),
)
def test_a_verdict_names_the_likeliest_or_nothing(windows: list[list[float]], min_confidence: float) -> None:
    rows = [row(*values) / sum(values) for values in windows]
    said = verdict(rows, LABELS, DecisionSettings(min_confidence=min_confidence))
    assert said.confidence == max(said.probabilities.values())
    assert sum(said.probabilities.values()) == pytest.approx(1.0, abs=2e-4)
    if said.label != UNCERTAIN:
        assert said.probabilities[said.label] == said.confidence
        assert said.confidence >= min_confidence - 1e-4
    else:
        assert said.confidence <= min_confidence + 1e-4


# ---- mood ----


def test_the_first_window_is_the_mood_s_probabilities_and_patience_its_label() -> None:
    mood = after([ANGRY])
    assert mixed(mood) == ANGRY.tolist()
    assert (mood.label, mood.rival, mood.rival_windows) == (UNCERTAIN, "anger", 1)
    mood = after([ANGRY, ANGRY])
    assert (mood.label, mood.since_sample) == ("anger", RATE_HZ)
    assert (mood.rival, mood.rival_windows) == (UNCERTAIN, 0)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience_counts_windows_running(patience: int) -> None:
    asked = DecisionSettings(patience=patience)
    assert after([ANGRY] * (patience - 1), asked).label == UNCERTAIN
    assert after([ANGRY] * patience, asked).label == "anger"


def test_smoothing_forgets_by_its_time_constant() -> None:
    mood = after([ANGRY] * 3)
    changed = after([SAD], DecisionSettings(smoothing_s=5.0), stride_s=5.0, mood=mood)
    kept = math.exp(-1.0)
    assert mixed(changed) == pytest.approx((kept * ANGRY + (1.0 - kept) * SAD).tolist())


def test_speech_in_smaller_strides_smooths_alike() -> None:
    once = after([SAD], stride_s=2.0, mood=after([ANGRY] * 3))
    often = after([SAD] * 8, stride_s=0.25, mood=after([ANGRY] * 3))
    assert mixed(once) == pytest.approx(mixed(often))


def test_a_mood_stays_until_another_leads_by_the_margin() -> None:
    mood = after([ANGRY] * 3)
    at_once = DecisionSettings(smoothing_s=0.001, margin=0.2, patience=1)
    assert after([row(0.4, 0.59, 0.01)], at_once, mood=mood).label == "anger"
    assert after([row(0.39, 0.6, 0.01)], at_once, mood=mood).label == "neutral"


def test_a_rival_must_lead_without_a_break() -> None:
    asked = DecisionSettings(smoothing_s=0.001, patience=3)
    mood = after([ANGRY] * 4, asked)
    assert after([SAD, SAD, ANGRY, SAD, SAD], asked, mood=mood).label == "anger"
    assert after([SAD, SAD, NEUTRAL, SAD, SAD], asked, mood=mood).label == "anger"
    assert after([SAD, SAD, SAD], asked, mood=mood).label == "sadness"


def test_a_rival_below_the_confidence_never_takes_over() -> None:
    asked = DecisionSettings(smoothing_s=0.001, margin=0.0, min_confidence=0.5, patience=1)
    mood = after([ANGRY] * 4, asked)
    assert after([row(0.3, 0.49, 0.21)] * 20, asked, mood=mood).label == "anger"
    assert after([row(0.3, 0.51, 0.19)], asked, mood=mood).label == "neutral"


def test_a_mood_is_forgotten_after_a_silence() -> None:
    asked = DecisionSettings(forget_after_s=10.0)
    mood = after([ANGRY] * 4, asked)
    before = mood.heard_sample + 10 * RATE_HZ - 1
    assert faded(mood, before, RATE_HZ, asked) is mood
    gone = faded(mood, before + 1, RATE_HZ, asked)
    assert (gone.label, gone.probabilities, gone.since_sample) == (UNCERTAIN, None, before + 1)


def test_silence_before_any_speech_changes_nothing() -> None:
    nothing = Mood()
    assert faded(nothing, 10**9, RATE_HZ, DEFAULT) is nothing


# ---- episodes ----


def told(moods: list[tuple[float, Mood]], asked: DecisionSettings) -> list[tuple[float, str, int, str]]:
    """(second, phase, number, label) of what is published at these seconds."""
    said = []
    episode: Episode | None = None
    n_episodes = 0
    for at_s, mood in moods:
        episode, news = episode_step(episode, mood, n_episodes, round(at_s * RATE_HZ), RATE_HZ, asked)
        if news is not None:
            phase, about = news
            n_episodes = max(n_episodes, about.number)
            said.append((at_s, phase, about.number, about.label))
    return said


def lasting(label: str, since_s: float, heard_s: float) -> Mood:
    return Mood(label, ANGRY, since_sample=round(since_s * RATE_HZ), heard_sample=round(heard_s * RATE_HZ))


def test_an_episode_begins_goes_on_and_ends_under_one_number() -> None:
    asked = DecisionSettings(episode_after_s=3.0, episode_update_s=10.0)
    angry = [(float(second), lasting("anger", 1.0, second)) for second in range(1, 30)]
    sad = [(float(second), lasting("sadness", 30.0, second)) for second in range(30, 36)]
    gone = [(float(second), Mood()) for second in range(36, 50)]
    assert told([*angry, *sad, *gone], asked) == [
        (4.0, "new", 1, "anger"),
        (14.0, "update", 1, "anger"),
        (24.0, "update", 1, "anger"),
        (30.0, "end", 1, "anger"),
        (33.0, "new", 2, "sadness"),
        (36.0, "end", 2, "sadness"),
    ]


def test_a_mood_that_does_not_last_is_no_episode() -> None:
    asked = DecisionSettings(episode_after_s=3.0)
    assert told([(3.9, lasting("anger", 1.0, 3.9)), (5.0, Mood())], asked) == []


def test_silence_does_not_make_a_mood_last() -> None:
    """Only speech proves a mood: a word, then an hour of silence, is no episode of an hour."""
    asked = DecisionSettings(episode_after_s=3.0)
    assert told([(float(second), lasting("anger", 1.0, 2.0)) for second in range(2, 3600, 60)], asked) == []


def test_uncertain_is_no_episode() -> None:
    assert told([(100.0, lasting(UNCERTAIN, 0.0, 100.0))], DEFAULT) == []


def test_what_the_settings_leave_open_the_model_asks_for() -> None:
    contract = Contract("some", LABELS, FrontEndParams(), 10, 5, "", (), min_confidence=0.42)
    assert DecisionSettings().with_model(contract).min_confidence == 0.42
    assert DecisionSettings(min_confidence=0.2).with_model(contract).min_confidence == 0.2
