"""Who is trained on and who is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab.corpora import Utterance
from models.lab.errors import LabError

PAPER = "paper"
SPEAKER_INDEPENDENT = "speaker-independent"
RANDOM_10_FOLD = "random-10-fold"


@dataclass(frozen=True)
class Fold:
    """Positions in the list of utterances: two parts that share nothing."""

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def folds(protocol: str, utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    """The folds of a protocol. Raises LabError for an unknown one.

    paper: one split 8:2 within each label, drawn by `seed`; the same speakers on both sides, as the papers have it.
    speaker-independent: each speaker is the test part once. random-10-fold: tenths within each label.
    """
    if protocol not in _PROTOCOLS:
        raise LabError(f"unknown protocol {protocol!r}: known are {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[protocol](utterances, seed)


def _paper(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    fifths = _deal(utterances, seed, n_hands=5)
    return [Fold("80-20", np.flatnonzero(fifths != 0), np.flatnonzero(fifths == 0))]


def _speaker_independent(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    del seed  # nothing is drawn
    speakers = np.array([utterance.speaker for utterance in utterances])
    return [Fold(str(name), np.flatnonzero(speakers != name), np.flatnonzero(speakers == name)) for name in np.unique(speakers)]


def _random_10_fold(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    tenths = _deal(utterances, seed, n_hands=10)
    return [Fold(f"{k + 1}-of-10", np.flatnonzero(tenths != k), np.flatnonzero(tenths == k)) for k in range(10)]


def _deal(utterances: Sequence[Utterance], seed: int, n_hands: int) -> NDArray[np.int64]:
    """Deal each label's utterances, shuffled, to `n_hands`: the hand of each utterance."""
    rng = np.random.default_rng(seed)
    labels = np.array([utterance.label for utterance in utterances])
    hands = np.empty(len(utterances), np.int64)
    for label in np.unique(labels):
        of_label = rng.permutation(np.flatnonzero(labels == label))
        hands[of_label] = np.arange(len(of_label)) % n_hands
    return hands


_PROTOCOLS: dict[str, Callable[[Sequence[Utterance], int], list[Fold]]] = {
    PAPER: _paper,
    SPEAKER_INDEPENDENT: _speaker_independent,
    RANDOM_10_FOLD: _random_10_fold,
}
PROTOCOLS = tuple(_PROTOCOLS)
