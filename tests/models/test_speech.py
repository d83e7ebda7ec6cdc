"""Speech is told from what only sounds loud, by the second, and however the sound was cut."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.offline import feature_frames
from dsp.params import MFCC, FrontEndParams
from dsp.running_functionals import KINDS_WANTED, names, utterance_functionals
from models import speech
from models.errors import ModelError
from models.speech import ARTEFACT, SpeechTest, SpeechWatch
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ

Float = NDArray[np.float32]
NUMBERS = speech.read()
FRONT_END = FrontEndParams(**{**NUMBERS.front_end, "kinds": KINDS_WANTED})
FIRST_SENTENCE_S = (0.8, 3.4)
"""Of the bundled recording."""
N_S = 5.0


def told() -> SpeechTest:
    return SpeechTest(NUMBERS, FRONT_END)


@lru_cache(maxsize=None)
def sentence() -> Float:
    start, end = (round(at_s * RATE_HZ) for at_s in FIRST_SENTENCE_S)
    return recordings.speech()[start:end]


def time_s() -> NDArray[np.float64]:
    return np.arange(round(N_S * RATE_HZ)) / RATE_HZ


def white() -> Float:
    return np.random.default_rng(0).normal(0.0, 0.2, len(time_s())).astype(np.float32)


def rumble() -> Float:
    """Noise that loses 6 dB an octave."""
    slow = np.cumsum(np.random.default_rng(1).standard_normal(len(time_s())))
    smooth = slow - np.convolve(slow, np.ones(1601) / 1601.0, mode="same")
    return np.asarray(0.1 * smooth / smooth.std(), np.float32)


def beeping() -> Float:
    return np.asarray(0.3 * np.sin(2 * np.pi * 880.0 * time_s()) * (time_s() % 0.5 < 0.25), np.float32)


def siren() -> Float:
    pitch_hz = 500.0 * 2.0 ** (np.abs(time_s() % 1.0 - 0.5) * 2.0)
    return np.asarray(0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ), np.float32)


def chord() -> Float:
    return np.asarray(sum(0.1 * np.sin(2 * np.pi * f_hz * time_s()) for f_hz in (262.0, 330.0, 392.0)), np.float32)


def faint_hiss() -> Float:
    return np.asarray(1e-3 * white(), np.float32)


NOISES: list[Callable[[], Float]] = [white, rumble, beeping, siren, chord, faint_hiss]


def heard(samples: Float) -> SpeechWatch:
    watch = SpeechWatch(told())
    watch.push(feature_frames(samples, FRONT_END))
    return watch


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_what_is_said_is_speech_at_any_level(gain: float) -> None:
    watch = heard(np.float32(gain) * sentence())
    assert watch.found
    assert watch.finish()


@pytest.mark.parametrize("made", NOISES, ids=[each.__name__ for each in NOISES])
def test_noise_is_none(made: Callable[[], Float]) -> None:
    watch = heard(made())
    assert not watch.finish()


@pytest.mark.parametrize("made", [white, rumble], ids=["white", "rumble"])
def test_a_sentence_in_noise_is_found_when_it_is_said(made: Callable[[], Float]) -> None:
    noise = made()
    said = np.concatenate([noise, sentence() + np.resize(0.02 * noise, len(sentence())), noise]).astype(np.float32)
    frames, watch = feature_frames(said, FRONT_END), SpeechWatch(told())
    n_before = len(noise) // FRONT_END.hop_samples
    watch.push(frames[: n_before - 2])
    assert not watch.found
    watch.push(frames[n_before - 2 : n_before + len(sentence()) // FRONT_END.hop_samples])
    assert watch.found
    watch.begin()
    watch.push(frames[: n_before - 2])
    assert not watch.finish()


def found_at(frames: NDArray[np.float32], cuts: list[int]) -> tuple[int | None, list[int]]:
    """After how many frames speech was found, None: never; and after how many it could have been asked."""
    watch, asked, first = SpeechWatch(told()), [0], None
    while asked[-1] < len(frames):
        n = cuts[(len(asked) - 1) % len(cuts)]
        watch.push(frames[asked[-1] : asked[-1] + n])
        asked.append(asked[-1] + n)
        assert watch.found or first is None  # for good
        first = asked[-1] if watch.found and first is None else first
    return first, asked


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 90), min_size=1, max_size=6).filter(any))
@pytest.mark.parametrize("in_noise", [True, False])
def test_any_cut_finds_the_same_at_the_same_time(in_noise: bool, cuts: list[int]) -> None:
    frames = feature_frames(np.concatenate([white()[:20000], sentence()]) if in_noise else white(), FRONT_END)
    once, _ = found_at(frames, [1])
    again, asked = found_at(frames, cuts)
    assert (once is not None) == in_noise
    assert again == (None if once is None else min(at for at in asked if at >= once))


def test_a_stretch_shorter_than_a_second_is_judged_at_its_end() -> None:
    frames = feature_frames(sentence(), FRONT_END)[: NUMBERS.piece_frames - 10]
    watch = SpeechWatch(told())
    watch.push(frames)
    assert not watch.found
    assert watch.finish()
    watch.begin()
    assert not watch.finish()


def test_less_is_asked_of_what_is_short() -> None:
    """A test that finds the same logit in anything, just below what is asked of a whole piece."""
    numbers = replace(NUMBERS, cues=(replace(NUMBERS.cues[0], linear=0.0, square=0.0),), bias=1.0, threshold=1.1, lenience=0.4)
    flat = SpeechTest(numbers, FRONT_END)
    frames = feature_frames(sentence(), FRONT_END)
    asked = [
        flat.is_speech(frames[:n]) for n in (1, numbers.piece_frames // 2, numbers.piece_frames - 10, numbers.piece_frames)
    ]
    assert asked == [True, True, False, False]


def test_the_logit_is_what_the_numbers_say() -> None:
    frames = feature_frames(sentence(), FRONT_END)[: NUMBERS.piece_frames]
    values = dict(zip(names(FRONT_END), utterance_functionals(frames, FRONT_END).astype(np.float64)))
    wanted = NUMBERS.bias
    for cue in NUMBERS.cues:
        off = (np.mean([values[name] for name in cue.functionals]) - cue.centre) / cue.scale
        off = min(max(off, -NUMBERS.reach), NUMBERS.reach)
        wanted += cue.linear * off + cue.square * off**2
    assert told().logit(frames) == pytest.approx(wanted, abs=1e-9)


def test_the_numbers_are_for_one_front_end_whatever_else_its_frames_hold() -> None:
    assert speech.shipped(FRONT_END) == NUMBERS
    assert speech.shipped(replace(FRONT_END, kinds=(*KINDS_WANTED, "zcr"))) == NUMBERS
    assert speech.shipped(replace(FRONT_END, hop_ms=8.0)) is None
    assert speech.shipped(replace(FRONT_END, n_mels=32)) is None
    assert speech.shipped(replace(FRONT_END, kinds=(MFCC,))) is None


def test_a_functional_that_there_is_not_is_named() -> None:
    cues = (replace(NUMBERS.cues[0], functionals=("pitch.colour",)),)
    with pytest.raises(ModelError, match=r"pitch\.colour, which this front end has not"):
        SpeechTest(replace(NUMBERS, cues=cues), FRONT_END)


def test_the_file_is_what_it_is_read_as(tmp_path: Path) -> None:
    assert NUMBERS.to_json() == ARTEFACT.read_text()
    (tmp_path / "a.json").write_text(NUMBERS.to_json())
    assert speech.read(tmp_path / "a.json") == NUMBERS


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"piece_frames": 61}, {"piece_frames": 0}, {"cues": []}, {"cues": [1]}, {"unknown": 1}, {"reach": None}],
    ids=str,
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    values = {name: value for name, value in {**json.loads(ARTEFACT.read_text()), **change}.items() if value is not None}
    path = tmp_path / "speech.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"speech\.json holds no numbers to tell speech by \(.*\): install affectd again"):
        speech.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"speech\.json cannot be read: No such file"):
        speech.read(tmp_path / "speech.json")
