"""What a seat has heard before the utterance that counts: drawn at random in training, by rule in a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from models.adaptation import Heard
from models.lab.affectnet.voices import Voices

TRAINED_WITH = (0, 0, 1, 2, 3, 5, 10, 20, 40, 1000)
"""How many utterances of a speaker are heard in training, one of these at random; fewer where there are not as many."""
CALM_SHARE = 0.3
"""How often these are calm ones only, at most MOST_CALM."""
MOST_CALM = 10


@dataclass(frozen=True)
class Condition:
    """How a test goes: what the seat has heard of its speaker."""

    name: str
    n_heard: int
    only_calm: bool = False


COLD = Condition("cold", 0)
ALL = 10**6
CONDITIONS = (
    COLD,
    *(Condition(f"{n} heard", n) for n in (1, 3, 10, 30)),
    Condition("all heard", ALL),
    *(Condition(f"{n} calm heard", n, only_calm=True) for n in (1, 3, 10)),
)

TOLD_IN_FULL = (COLD.name, "10 heard")
"""The conditions whose every answer is kept."""


def in_test(voices: Voices, position: int, condition: Condition, rng: np.random.Generator) -> Heard:
    """Other utterances of the same speaker, without their labels: drawn, as many as the condition says or there are."""
    return voices.heard(_some(voices.others(position, condition.only_calm), condition.n_heard, rng))


def in_training(voices: Voices, position: int, rng: np.random.Generator) -> Heard:
    """A random number of other utterances of the same speaker, none among them."""
    n_heard = int(rng.choice(np.array(TRAINED_WITH)))
    only_calm = bool(rng.random() < CALM_SHARE)
    return voices.heard(_some(voices.others(position, only_calm), min(n_heard, MOST_CALM) if only_calm else n_heard, rng))


def _some(positions: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.asarray(rng.choice(positions, min(n, len(positions)), replace=False), np.int64)


def stacked(heard: Sequence[Heard]) -> tuple[NDArray[np.float32], ...]:
    """Of a batch: log-mel (batch, n_mels), frames (batch, 1), functionals (batch, n_functionals), utterances (batch, 1)."""
    return (
        np.stack([each.log_mel for each in heard]),
        np.array([[each.n_frames] for each in heard], np.float32),
        np.stack([each.functionals for each in heard]),
        np.array([[each.n_utterances] for each in heard], np.float32),
    )
