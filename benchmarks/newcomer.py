"""Does a seat notice that somebody else speaks, and does it forget the one who stays? Utterances of EMO-DB and RAVDESS."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon import gate
from daemon.acquaintance import LEAST_S, Acquaintance
from daemon.events import Block
from daemon.listener import Closed, Listener
from daemon.settings import GateSettings, SeatSettings
from dsp.params import LOG_MEL, FrontEndParams
from dsp.running_functionals import utterance_functionals
from dsp.window import FeatureWindow
from models.adaptation import Heard
from models.contract import STEP_FRAMES

MALE: Mapping[str, Sequence[str]] = {
    "EMO-DB": ("03", "10", "11", "12", "15"),
    "RAVDESS": tuple(f"{actor:02d}" for actor in range(1, 25, 2)),
}
CALM = ("neutral", "calm", "boredom")
RECIPE = "affectnet-emodb"
"""Its front end is asked."""
SILENCE_S = 1.5
BLOCK_S = 0.1
LONG = 200
"""Utterances of one speaker, those of the corpus again and again."""
CALM_FIRST, MOOD, CALM_BETWEEN = (40, 80), (3, 15), (5, 30)
"""Utterances: so many at least, and fewer than that."""
KNOWN = (60, 100)
"""Utterances of one speaker before another sits down, likewise."""
WITHIN = (10, 20, 40)


@dataclass(frozen=True)
class Said:
    """An utterance."""

    label: str
    heard: Heard


@dataclass(frozen=True)
class Speaker:
    """Somebody with all that is heard of them."""

    name: str
    male: bool
    said: Sequence[Said]


Talk = Callable[[Speaker, np.random.Generator], Iterator[Said]]


def calm(speaker: Speaker, rng: np.random.Generator) -> Iterator[Said]:
    """Nothing else, for ever."""
    return _drawn([said for said in speaker.said if said.label in CALM], rng)


def mixed(speaker: Speaker, rng: np.random.Generator) -> Iterator[Said]:
    """Everything, in any order, for ever."""
    return _drawn(speaker.said, rng)


def moody(speaker: Speaker, rng: np.random.Generator) -> Iterator[Said]:
    """Calm for long, then one mood for some utterances, calm again, another mood, for ever."""
    calmly = calm(speaker, rng)
    moods = sorted({said.label for said in speaker.said} - set(CALM))
    yield from islice(calmly, int(rng.integers(*CALM_FIRST)))
    while True:
        mood = moods[int(rng.integers(len(moods)))]
        yield from islice(_drawn([said for said in speaker.said if said.label == mood], rng), int(rng.integers(*MOOD)))
        yield from islice(calmly, int(rng.integers(*CALM_BETWEEN)))


def _drawn(pool: Sequence[Said], rng: np.random.Generator) -> Iterator[Said]:
    """Each once, then each again, in another order."""
    while True:
        yield from (pool[i] for i in rng.permutation(len(pool)))


TALKS: dict[str, Talk] = {"calm": calm, "calm, with moods": moody, "any mood at any time": mixed}


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Simulated seats: half of the speakers of each corpus, those whom the thresholds were not chosen on, and the other half.

    Raises NotAtHand without the corpora.
    """
    if plot is not None:
        raise SystemExit("newcomer draws nothing: leave --plot away")
    # the lab wants a newer Python than the benchmarks beside this one
    from models.lab import recipe
    from models.lab.corpora import EMODB, RAVDESS

    front_end = recipe.load(RECIPE).front_end
    figures: dict[str, Any] = {}
    for corpus in (EMODB,) if short else (EMODB, RAVDESS):
        chosen, rest = halves(heard_speakers(corpus, front_end))
        for name, half in (("reported", rest), ("chosen on", chosen)):
            for talk in TALKS:
                seats = Seats(half, front_end, TALKS[talk], 1 if short else 20)
                figures.update({f"{corpus.name}, {name}: {talk}: {what}": value for what, value in seats.figures().items()})
    return figures


def halves(speakers: Sequence[Speaker]) -> tuple[list[Speaker], list[Speaker]]:
    """Those to choose thresholds on, and the others; men and women in both."""
    by_sex = [[speaker for speaker in speakers if speaker.male == male] for male in (True, False)]
    return [each for one in by_sex for each in one[::2]], [each for one in by_sex for each in one[1::2]]


class Seats:
    """Seats in which one speaker stays, or another follows."""

    def __init__(self, speakers: Sequence[Speaker], front_end: FrontEndParams, talk: Talk, n_rounds: int) -> None:
        self._speakers = speakers
        self._front_end = front_end
        self._talk = talk
        self._n_rounds = n_rounds
        self._rng = np.random.default_rng(0)

    def figures(self) -> dict[str, Any]:
        """Times forgotten in 100 utterances of one speaker; how soon a newcomer is noticed."""
        told: dict[str, Any] = {"wrongly forgotten in 100": self._wrongly()}
        for name, alike in (("another sex", False), ("the same sex", True)):
            waits = np.array(self._waits(alike))
            median = float(np.median(waits))
            told[f"{name}, median"] = median if np.isfinite(median) else f"over {max(WITHIN)}"
            shares = (f"{100.0 * float((waits <= n).mean()):.0f}" for n in WITHIN)
            told[f"{name}, % within {', '.join(map(str, WITHIN))}"] = ", ".join(shares)
        return told

    def _wrongly(self) -> float:
        n_forgotten = n_heard = 0
        for _ in range(self._n_rounds):
            for speaker in self._speakers:
                seat = Acquaintance("simulated", self._front_end, SeatSettings())
                for said in islice(self._talk(speaker, self._rng), LONG):
                    n_forgotten += _forgets(seat, said)
                    n_heard += 1
        return round(100.0 * n_forgotten / n_heard, 2)

    def _waits(self, alike: bool) -> list[float]:
        """Utterances of each newcomer until the seat forgot; infinite where it did not."""
        waits = []
        for _ in range(self._n_rounds):
            for first in self._speakers:
                others = [each for each in self._speakers if each is not first and (each.male == first.male) == alike]
                if others:
                    waits.append(self._wait(first, others[int(self._rng.integers(len(others)))]))
        return waits

    def _wait(self, first: Speaker, second: Speaker) -> float:
        seat = Acquaintance("simulated", self._front_end, SeatSettings())
        for said in islice(self._talk(first, self._rng), int(self._rng.integers(*KNOWN))):
            _forgets(seat, said)
        for n, said in enumerate(islice(self._talk(second, self._rng), max(WITHIN)), start=1):
            if _forgets(seat, said):
                return float(n)
        return float("inf")


def _forgets(seat: Acquaintance, said: Said) -> bool:
    seat.heard(said.heard, 0)
    return seat.n_utterances == 0


def heard_speakers(corpus: Any, front_end: FrontEndParams) -> list[Speaker]:
    """As the service's gate hears them: (n,) PCM -> utterances. Raises NotAtHand."""
    from models.lab.corpora import corpora_root, find, read_pcm

    by_name: dict[str, list[Said]] = {}
    for utterance in find(corpus, corpora_root()):
        if not utterance.same_as:
            heard = as_heard(read_pcm(utterance.path, front_end.sample_rate_hz), front_end)
            by_name.setdefault(utterance.speaker, []).extend(Said(utterance.label, each) for each in heard)
    return [Speaker(name, name in MALE[corpus.name], said) for name, said in sorted(by_name.items())]


def as_heard(samples: NDArray[np.int16], front_end: FrontEndParams) -> Iterator[Heard]:
    """The utterances that the gate finds in a recording, silence before and after it, but for those that teach nothing."""
    rate_hz = front_end.sample_rate_hz
    silence, block_samples = np.zeros(round(SILENCE_S * rate_hz), np.int16), round(BLOCK_S * rate_hz)
    samples = np.concatenate([silence, samples, silence])
    settings = GateSettings()
    is_speech = gate.webrtc_detector(settings.aggressiveness, rate_hz)
    listener = Listener(front_end, 0, STEP_FRAMES, settings, is_speech, block_samples)
    pieces: list[NDArray[np.float32]] = []
    for start in range(0, len(samples), block_samples):
        for one in listener.push(Block(samples[start : start + block_samples], start, 0)):
            if isinstance(one, FeatureWindow):
                pieces.append(one.values)
            elif isinstance(one, Closed):
                frames, pieces = np.concatenate(pieces), []
                if len(frames) * front_end.hop_samples >= LEAST_S * rate_hz:
                    log_mel = frames[:, front_end.columns(LOG_MEL)].mean(axis=0, dtype=np.float64)
                    yield Heard(log_mel.astype(np.float32), len(frames), utterance_functionals(frames, front_end), 1)


def table(figures: Mapping[str, Any]) -> str:
    """A row for speakers and talk, a column a figure."""
    rows: dict[str, dict[str, Any]] = {}
    for name, value in figures.items():
        if ": " in name:
            row, column = name.rsplit(": ", 1)
            rows.setdefault(row, {})[column] = value
    columns = list(next(iter(rows.values())))
    lines = [f"| speakers: talk | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*lines, *(f"| {row} | {' | '.join(str(of[each]) for each in columns)} |" for row, of in rows.items())])
