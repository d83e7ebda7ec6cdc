"""What a seat gets to know of its speaker: running statistics of what was said there. Numbers, no sound, no labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

FARTHEST = 25.0
"""A functional counts for at most so much in a `distance`: one that never moved before must not decide alone."""


@dataclass(frozen=True)
class Heard:
    """Means of the utterances heard so far, or of one. Zero utterances: nothing."""

    log_mel: NDArray[np.float32]
    """(n_mels,), of the frames."""
    n_frames: int
    functionals: NDArray[np.float32]
    """(n_functionals,), of the utterances."""
    n_utterances: int


@dataclass(frozen=True)
class Running:
    """Statistics that grow with every utterance up to a limit; from there on, what is new takes the place of what is old."""

    log_mel: NDArray[np.float64]
    """(n_mels,): mean of the frames."""
    n_frames: float
    functionals: NDArray[np.float64]
    """(n_functionals,): mean of the utterances."""
    scatter: NDArray[np.float64]
    """(n_functionals,): sum of the utterances' squared distances from that mean."""
    n_utterances: float

    @classmethod
    def nothing(cls, n_mels: int, n_functionals: int) -> Running:
        """Before the first utterance."""
        return cls(np.zeros(n_mels), 0.0, np.zeros(n_functionals), np.zeros(n_functionals), 0.0)

    def with_one(self, heard: Heard, most_frames: float, most_utterances: float) -> Running:
        """One more utterance, of at least a frame. What counts beyond the limits fades, all of it alike.

        Mean and scatter as by Welford (1962), so that a large mean takes no digits of a small scatter.
        """
        n_frames, n_utterances = self.n_frames + heard.n_frames, self.n_utterances + 1.0
        before = heard.functionals - self.functionals
        functionals = self.functionals + before / n_utterances
        scatter = self.scatter + before * (heard.functionals - functionals)
        return Running(
            self.log_mel + (heard.log_mel - self.log_mel) * (heard.n_frames / n_frames),
            min(n_frames, most_frames),
            functionals,
            scatter * min(1.0, most_utterances / n_utterances),
            min(n_utterances, most_utterances),
        )

    def as_heard(self) -> Heard:
        """As a model takes it: the means in float32, the counts rounded."""
        log_mel, functionals = self.log_mel.astype(np.float32), self.functionals.astype(np.float32)
        return Heard(log_mel, round(self.n_frames), functionals, round(self.n_utterances))


def distance(known: Running, newest: Sequence[Heard]) -> float:
    """How far the mean functionals of some utterances lie from what is known of at least two others; about 1: no farther
    than another draw of the same.

    Squared, in units of the variance that the difference of the two means has if all were said alike, and the mean of that
    over the functionals, each of which counts for at most FARTHEST.
    """
    shift = np.mean([heard.functionals for heard in newest], axis=0, dtype=np.float64) - known.functionals
    variance = known.scatter / known.n_utterances * (1.0 / known.n_utterances + 1.0 / len(newest))
    squared = np.square(shift)
    # what has not moved is at no distance, even if it never moves
    terms = np.divide(squared, np.maximum(variance, squared / FARTHEST), out=np.zeros_like(squared), where=squared > 0.0)
    return float(terms.mean())
