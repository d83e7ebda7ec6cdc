"""Simulated seats: made-up speakers far apart are noticed, the same one is not, and the corpora are heard where they are."""

from __future__ import annotations

import sys
from itertools import islice

import numpy as np
import pytest
import soundfile

from benchmarks import newcomer
from benchmarks.newcomer import CALM_FIRST, MOOD, Said, Seats, Speaker
from daemon.demo.demo import RECORDING
from tests.daemon.voices import FRONT_END, Voice

LABELS = ("anger", "calm", "fear", "neutral")


def speaker(name: str, male: bool, apart: float = 0.0) -> Speaker:
    """All have the voice of their sex, and `apart` of their own."""
    voice = Voice(int(male), apart=3.0)
    voice.centre = voice.centre + Voice(100 + int(name)).centre * apart
    return Speaker(name, male, [Said(LABELS[n % 4], voice.says()) for n in range(40)])


def seats(talk: str) -> Seats:
    everybody = [speaker(str(n), male=n < 2) for n in range(4)]
    return Seats(everybody, FRONT_END, newcomer.TALKS[talk], n_rounds=1)


@pytest.mark.parametrize("talk", newcomer.TALKS)
def test_who_is_far_away_is_noticed_and_nobody_else(talk: str) -> None:
    figures = seats(talk).figures()
    assert figures["wrongly forgotten in 100"] == 0.0
    assert figures["another sex, % within 10, 20, 40"].endswith("100, 100")
    assert figures["another sex, median"] <= 20
    assert figures["the same sex, % within 10, 20, 40"] == "0, 0, 0"
    assert figures["the same sex, median"] == "over 40"


def test_moods_come_in_runs_after_a_long_calm() -> None:
    said = [one.label for one in islice(newcomer.moody(speaker("1", True), np.random.default_rng(3)), 400)]
    calm = [label in newcomer.CALM for label in said]
    assert CALM_FIRST[0] <= calm.index(False) < CALM_FIRST[1] + 30
    changes = [0, *(n + 1 for n in range(399) if said[n] != said[n + 1] and not (calm[n] and calm[n + 1])), 400]
    runs = [(said[begin], end - begin) for begin, end in zip(changes, changes[1:]) if not calm[begin]]
    assert all(MOOD[0] <= length < MOOD[1] for _, length in runs[:-1])
    assert {label for label, _ in runs} == {"anger", "fear"}


def test_half_of_the_men_and_of_the_women_are_in_each_half() -> None:
    chosen, rest = newcomer.halves([speaker(str(n), male=n < 5) for n in range(10)])
    assert {one.name for one in chosen} | {one.name for one in rest} == {str(n) for n in range(10)}
    assert {one.name for one in chosen} & {one.name for one in rest} == set()
    assert [sum(one.male for one in half) for half in (chosen, rest)] == [3, 2]


def test_what_is_heard_is_what_the_gate_finds() -> None:
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    heard = list(newcomer.as_heard(np.asarray(samples, np.int16), FRONT_END))
    assert len(heard) == 5
    assert all(one.n_utterances == 1 and np.isfinite(one.functionals).all() for one in heard)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the corpora are the lab's, Python 3.10 or newer")
def test_newcomer() -> None:
    from models.lab.corpora import EMODB, corpora_root

    if not (corpora_root() / EMODB.folder).is_dir():
        pytest.skip("EMO-DB is not at hand: AFFECTD_CORPORA names no folder that holds it")
    figures = newcomer.measure(short=True, plot=None)
    table = newcomer.table(figures)
    of_one = [value for name, value in figures.items() if name.endswith("wrongly forgotten in 100")]
    assert len(of_one) == 2 * len(newcomer.TALKS)
    assert max(of_one) < 1.0
    assert len(table.splitlines()) == 2 + len(of_one)
