"""From probabilities to what is worth saying: pure functions of frozen values; time is counted in samples of sound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.events import Verdict
from daemon.settings import DecisionSettings
from models.contract import UNCERTAIN

CLIPPED_SHARE = 0.1
"""Above this share of samples at full scale, what the model hears is the distortion, not the voice."""


def verdict(
    windows: Sequence[NDArray[np.float64]], labels: Sequence[str], settings: DecisionSettings, clipped_share: float = 0.0
) -> Verdict:
    """What an utterance was: the mean of its windows' probabilities, each (n_labels,), at least one window."""
    mean = np.mean(windows, axis=0)
    best = int(mean.argmax())
    doubtful = mean[best] < settings.min_confidence or clipped_share > CLIPPED_SHARE
    return Verdict(
        label=UNCERTAIN if doubtful else labels[best],
        confidence=_rounded(mean[best]),
        probabilities=as_mapping(mean, labels),
    )


def as_mapping(probabilities: NDArray[np.float64], labels: Sequence[str]) -> dict[str, float]:
    """(n_labels,) by label, rounded to what a message carries."""
    return {label: _rounded(value) for label, value in zip(labels, probabilities)}


def _rounded(value: float) -> float:
    return round(float(value), 4)


@dataclass(frozen=True)
class Mood:
    """What a seat feels, smoothed over its windows."""

    label: str = UNCERTAIN
    probabilities: NDArray[np.float64] | None = None
    """(n_labels,), None before the first window."""
    since_sample: int = 0
    heard_sample: int = 0
    """End of the newest window."""
    rival: str = UNCERTAIN
    rival_windows: int = 0


def smoothed(
    mood: Mood,
    window: NDArray[np.float64],
    end_sample: int,
    stride_s: float,
    labels: Sequence[str],
    settings: DecisionSettings,
) -> Mood:
    """The mood after one more window, which brought `stride_s` of new speech.

    Exponential smoothing; another label takes over when it has led by the margin for `patience` windows running.
    """
    if mood.probabilities is None:
        mixed = window
    else:
        kept = math.exp(-stride_s / settings.smoothing_s)
        mixed = kept * mood.probabilities + (1.0 - kept) * window
    mood = replace(mood, probabilities=mixed, heard_sample=end_sample)
    leader = labels[int(mixed.argmax())]
    current = float(mixed[labels.index(mood.label)]) if mood.label in labels else 0.0
    ahead = float(mixed.max()) - current >= settings.margin and float(mixed.max()) >= settings.min_confidence
    if leader == mood.label or not ahead:
        return replace(mood, rival=UNCERTAIN, rival_windows=0)
    windows = mood.rival_windows + 1 if leader == mood.rival else 1
    if windows < settings.patience:
        return replace(mood, rival=leader, rival_windows=windows)
    return replace(mood, label=leader, since_sample=end_sample, rival=UNCERTAIN, rival_windows=0)


def faded(mood: Mood, now_sample: int, sample_rate_hz: int, settings: DecisionSettings) -> Mood:
    """The mood after a silence: forgotten when that lasted too long."""
    silent_s = (now_sample - mood.heard_sample) / sample_rate_hz
    if mood.probabilities is None or silent_s < settings.forget_after_s:
        return mood
    return Mood(since_sample=now_sample, heard_sample=now_sample)


@dataclass(frozen=True)
class Episode:
    """A mood that lasts."""

    number: int
    label: str
    start_sample: int
    told_sample: int
    """When it was last spoken of."""


def episode_step(
    episode: Episode | None, mood: Mood, n_before: int, now_sample: int, sample_rate_hz: int, settings: DecisionSettings
) -> tuple[Episode | None, tuple[str, Episode] | None]:
    """The episode now, and the phase to publish: `new`, `update` or `end` with the episode it speaks of; None: nothing.

    `n_before`: episodes so far, which numbers the next.
    """
    if episode is not None and mood.label != episode.label:
        return None, ("end", episode)
    if episode is not None:
        if (now_sample - episode.told_sample) / sample_rate_hz < settings.episode_update_s:
            return episode, None
        told = replace(episode, told_sample=now_sample)
        return told, ("update", told)
    lasted_s = (mood.heard_sample - mood.since_sample) / sample_rate_hz
    if mood.label == UNCERTAIN or lasted_s < settings.episode_after_s:
        return None, None
    begun = Episode(n_before + 1, mood.label, mood.since_sample, now_sample)
    return begun, ("new", begun)
