"""What AffectNet learns from: utterances as both branches hear them, said by somebody who says others, too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.params import LOG_MEL, FrontEndParams
from dsp.running_functionals import utterance_functionals

CALM = "neutral"
"""The label of what people mostly say in a vehicle."""


@dataclass(frozen=True)
class Heard:
    """What a seat knows of its speaker: means of what was said there before. Zero utterances: nothing."""

    log_mel: NDArray[np.float32]
    """(n_mels,)"""
    n_frames: int
    functionals: NDArray[np.float32]
    """(n_functionals,)"""
    n_utterances: int


@dataclass(frozen=True)
class Voices:
    """One recording of each utterance of a corpus, clean or in some noise: sequences and arrays in the corpus's order."""

    log_mel: Sequence[NDArray[np.float32]]
    """One (n_frames, n_mels) an utterance."""
    functionals: NDArray[np.float32]
    """(n_utterances, n_functionals)"""
    speakers: Sequence[str]
    labels: Sequence[str]

    def of(self, positions: NDArray[np.int64]) -> Voices:
        """Those utterances alone: nobody hears another of them."""
        return Voices(
            [self.log_mel[i] for i in positions],
            self.functionals[positions],
            [self.speakers[i] for i in positions],
            [self.labels[i] for i in positions],
        )

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


def voices(
    frames: Sequence[NDArray[np.float32]], front_end: FrontEndParams, speakers: Sequence[str], labels: Sequence[str]
) -> Voices:
    """Of one (n_frames, n_features) an utterance."""
    columns = front_end.columns(LOG_MEL)
    table = np.stack([utterance_functionals(each, front_end) for each in frames])
    return Voices([np.ascontiguousarray(each[:, columns]) for each in frames], table, speakers, labels)
