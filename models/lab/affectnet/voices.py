"""What AffectNet learns from: utterances as both branches hear them, said by somebody who says others, too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.params import LOG_MEL
from dsp.running_functionals import utterance_functionals
from models.adaptation import Heard
from models.lab.material import Material
from models.lab.recipe import Recipe

CALM = "neutral"
"""The label of what people mostly say in a vehicle."""
CLEAN_SHARE = 0.5
"""Of what is learnt from where there are noisy copies. Of five versions drawn alike the functionals alone lose 5 points of UAR
on clean speech of validation speakers (12 actors of RAVDESS), so 2 to 3 (with twice the epochs 1), and do as well in noise."""


@dataclass(frozen=True)
class Voices:
    """One recording of each utterance of a corpus, clean or in some noise: sequences and arrays in the corpus's order."""

    log_mel: Sequence[NDArray[np.float32]]
    """One (n_frames, n_mels) an utterance."""
    functionals: NDArray[np.float32]
    """(n_utterances, n_functionals)"""
    speakers: Sequence[str]
    labels: Sequence[str]

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        return np.stack([frames.sum(axis=0, dtype=np.float64) for frames in self.log_mel])

    @cached_property
    def n_frames(self) -> NDArray[np.int64]:
        """(n_utterances,)"""
        return np.array([len(frames) for frames in self.log_mel], np.int64)

    @cached_property
    def _by_speaker(self) -> dict[tuple[str, bool], NDArray[np.int64]]:
        """Positions of all, and of the calm, utterances of each speaker."""
        speakers, calm = np.array(self.speakers), np.array(self.labels) == CALM
        return {
            (speaker, only_calm): np.flatnonzero((speakers == speaker) & (calm | (not only_calm)))
            for speaker in sorted(set(self.speakers))
            for only_calm in (False, True)
        }

    def others(self, position: int, only_calm: bool = False) -> NDArray[np.int64]:
        """Positions of what the same speaker says besides."""
        theirs = self._by_speaker[self.speakers[position], only_calm]
        return np.asarray(theirs[theirs != position], np.int64)

    def heard(self, positions: NDArray[np.int64]) -> Heard:
        """What a seat knows that heard the utterances there, and no other."""
        n_frames = int(self.n_frames[positions].sum())
        sums = self._sums[positions].sum(axis=0)
        functionals = self.functionals[positions].sum(axis=0, dtype=np.float64) / max(1, len(positions))
        return Heard((sums / max(1, n_frames)).astype(np.float32), n_frames, functionals.astype(np.float32), len(positions))


@dataclass(frozen=True)
class Learnt:
    """A training part: versions of the same utterances, the clean one first."""

    versions: Sequence[Voices]
    truth: NDArray[np.int64]
    """(n_utterances,) classes."""

    def drawn(self, rng: np.random.Generator) -> Voices:
        """A version at random: the clean one `CLEAN_SHARE` of the times."""
        if len(self.versions) == 1 or rng.random() < CLEAN_SHARE:
            return self.versions[0]
        return self.versions[1 + int(rng.integers(len(self.versions) - 1))]


def learnt(material: Material, recipe: Recipe, positions: NDArray[np.int64]) -> Learnt:
    """The utterances there and their copies: whoever speaks in them is heard in no others."""
    n_copies = len(recipe.copies)
    versions = [[material.frames[i] for i in positions], *([material.copies[i][v] for i in positions] for v in range(n_copies))]
    return Learnt([_voices(frames, material, recipe, positions) for frames in versions], material.truth[positions])


def judged(material: Material, recipe: Recipe, positions: NDArray[np.int64]) -> Voices:
    """The utterances there, clean."""
    return _voices([material.frames[i] for i in positions], material, recipe, positions)


def _voices(frames: Sequence[NDArray[np.float32]], material: Material, recipe: Recipe, positions: NDArray[np.int64]) -> Voices:
    columns = recipe.front_end.columns(LOG_MEL)
    said = [material.utterances[i] for i in positions]
    return Voices(
        [np.ascontiguousarray(each[:, columns]) for each in frames],
        np.stack([utterance_functionals(each, recipe.front_end) for each in frames]),
        [each.speaker for each in said],
        [each.label for each in said],
    )
