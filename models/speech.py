"""Is this speech at all? A second of sound is judged by eight of its functionals, with numbers that lie beside the models.

A detector of voice activity tells sound from silence, and takes loud noise, an alert and music for speech. What is asked here
is whether a second moves as speech does: vowels and consonants in turn, a pitch that never rests, a voice that breaks off.
Each cue counts by how far it lies from where speech has it, and by the square of that: too still and too restless are both
no speech. `models/lab/speech_or_not.py` finds the numbers, and says how well they do.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from dsp.params import FrontEndParams
from dsp.running_functionals import RunningFunctionals, has_functionals, names
from models.errors import ModelError

ARTEFACT = Path(__file__).parent / "artefacts" / "speech.json"
VERSION = 1
MAKES_NO_DIFFERENCE = ("kinds", "n_bands", "delta_frames")
"""Parameters of a front end that no functional depends on, once it has them at all."""


@dataclass(frozen=True)
class Cue:
    """One thing that speech is told by: the mean of some functionals."""

    functionals: tuple[str, ...]
    centre: float
    """Where speech has it."""
    scale: float
    """Its deviation there."""
    linear: float
    square: float
    """What a distance of one deviation adds to the logit, and its square."""


@dataclass(frozen=True)
class SpeechNumbers:
    """What the test knows."""

    front_end: Mapping[str, Any]
    """Of the frames, without what makes no difference."""
    piece_frames: int
    """What is judged at once, an even number."""
    cues: tuple[Cue, ...]
    reach: float
    """In deviations: what lies further from speech counts as so far."""
    bias: float
    threshold: float
    """The least logit of a piece that is speech."""
    lenience: float
    """What all that a short stretch lacks of a piece would take off that: of a word alone little can be asked."""
    provenance: Mapping[str, Any]
    """What they were made of, and how well they did."""

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n"


def read(path: Path = ARTEFACT) -> SpeechNumbers:
    """The numbers in a file. Raises ModelError when it cannot be read, or is no such file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("version") != VERSION:
            raise ValueError("of another version")
        cues = tuple(Cue(**{**each, "functionals": tuple(each["functionals"])}) for each in values.pop("cues"))
        numbers = SpeechNumbers(cues=cues, **values)
        if numbers.piece_frames < 2 or numbers.piece_frames % 2 or not cues:
            raise ValueError("want a cue, and an even number of frames")
    except OSError as trouble:
        raise ModelError(f"{path} cannot be read: {trouble.strerror}: install affectd again") from trouble
    except (ValueError, KeyError, TypeError, AttributeError) as trouble:
        raise ModelError(f"{path} holds no numbers to tell speech by ({trouble}): install affectd again") from trouble
    return numbers


def kept(front_end: FrontEndParams) -> dict[str, Any]:
    """The parameters that functionals depend on, as JSON has them."""
    return {name: value for name, value in front_end.as_dict().items() if name not in MAKES_NO_DIFFERENCE}


def cue_means(cues: tuple[Cue, ...], front_end: FrontEndParams) -> NDArray[np.float64]:
    """(n_cues, n_functionals): times functionals it gives the cues. Raises ModelError for a functional there is not."""
    known = names(front_end)
    means = np.zeros((len(cues), len(known)))
    for row, cue in enumerate(cues):
        for name in cue.functionals:
            if name not in known:
                raise ModelError(f"speech is told by the functional {name}, which this front end has not")
            means[row, known.index(name)] = 1.0 / len(cue.functionals)
    return means


def design(cues: NDArray[np.float64], numbers: SpeechNumbers) -> NDArray[np.float64]:
    """(n, n_cues) -> (n, 2 * n_cues): distances from speech in deviations, then their squares."""
    centre, scale = (np.array([getattr(cue, name) for cue in numbers.cues]) for name in ("centre", "scale"))
    off = np.clip((cues - centre) / scale, -numbers.reach, numbers.reach)
    return np.hstack([off, off * off])


def logits(cues: NDArray[np.float64], numbers: SpeechNumbers) -> NDArray[np.float64]:
    """(n, n_cues) -> (n,): how likely each is speech."""
    slopes = np.array([cue.linear for cue in numbers.cues] + [cue.square for cue in numbers.cues])
    return np.asarray(numbers.bias + design(cues, numbers) @ slopes)


class SpeechTest:
    """The numbers, ready for the frames of the front end that they are for."""

    def __init__(self, numbers: SpeechNumbers, front_end: FrontEndParams) -> None:
        self.numbers = numbers
        self.front_end = front_end
        self._means = cue_means(numbers.cues, front_end)
        self._running = RunningFunctionals(front_end)

    def logit(self, frames: NDArray[np.float32]) -> float:
        """(k, n_features) of a second at most, 0 < k -> how likely that is speech. Raises ShapeError."""
        self._running.begin()
        self._running.push(frames)
        cues = self._means @ self._running.values().astype(np.float64)
        return float(logits(cues[np.newaxis], self.numbers)[0])

    def is_speech(self, frames: NDArray[np.float32]) -> bool:
        """Whether (k, n_features) of a second at most, 0 < k, is likely enough. Raises ShapeError."""
        lacking = 1.0 - len(frames) / self.numbers.piece_frames
        return self.logit(frames) >= self.numbers.threshold - self.numbers.lenience * lacking


@lru_cache(maxsize=4)
def shipped(front_end: FrontEndParams) -> SpeechNumbers | None:
    """The numbers that ship; None for another front end than they are for. Raises ModelError without their file."""
    numbers = read()
    return numbers if has_functionals(front_end) and kept(front_end) == numbers.front_end else None


class SpeechWatch:
    """Listens to a stretch of sound while it lasts: any second of it that is speech makes it speech.

    A second is judged every half second. So a word in 20 s of road noise is found, and is found when it was said.
    """

    def __init__(self, test: SpeechTest) -> None:
        self._test = test
        # a second, the older half of which was the newer one of the second before
        self._piece = np.zeros((test.numbers.piece_frames, test.front_end.n_features), np.float32)
        self.begin()

    def begin(self) -> None:
        """Forget everything: a stretch begins."""
        self._n_held = 0
        self._judged = False
        self.found = False
        """Whether a whole second so far was speech."""

    @property
    def due_in(self) -> int | None:
        """So many frames more, and a second is judged; None: speech was found."""
        return None if self.found else len(self._piece) - self._n_held

    def push(self, frames: NDArray[np.float32]) -> None:
        """Take (k, n_features) float32, however cut. What comes after speech was found is passed over."""
        while len(frames) and not self.found:
            part = frames[: len(self._piece) - self._n_held]
            self._piece[self._n_held : self._n_held + len(part)] = part
            self._n_held += len(part)
            frames = frames[len(part) :]
            if self._n_held == len(self._piece):
                self._judge()

    def finish(self) -> bool:
        """The stretch is over: was it speech? One of less than a second is judged by what there is."""
        if not self._judged and self._n_held:
            self._judge()
        return self.found

    def _judge(self) -> None:
        self.found = self._test.is_speech(self._piece[: self._n_held])
        self._judged = True
        half = len(self._piece) // 2
        self._piece[:half] = self._piece[half:]
        self._n_held = half
