"""Who is trained on and who is tested on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab.corpora import Utterance
from models.lab.errors import LabError

PAPER = "paper"
SPEAKER_INDEPENDENT = "speaker-independent"
RANDOM_10_FOLD = "random-10-fold"

EIGHT_TWO = (80, 20)
"""Per cent trained and tested on: papers 1, 2, 3 and 5."""
SEVENTY_FIFTEEN_FIFTEEN = (70, 15, 15)
"""Per cent trained, validated and tested on: paper 4."""

N_DRAWS = 200
"""Of validation speakers, before the best so far will do."""


def _nobody() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Fold:
    """Positions in the list of utterances: parts that share nothing, not even two copies of one recording."""

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: NDArray[np.int64] = field(default_factory=_nobody)
    """For early stopping; empty unless the protocol's share has one."""


@dataclass(frozen=True)
class Cut:
    """A training part less a validation part."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    by_speaker: bool
    """Whether nobody is in both."""


def folds(protocol: str, utterances: Sequence[Utterance], seed: int, share: Sequence[int] = EIGHT_TWO) -> list[Fold]:
    """The folds of a protocol. Raises LabError for an unknown one, and for a share that is none.

    paper: one split within each label, drawn by `seed`; the same speakers on all sides, as the papers have it. `share`: per
    cent for training and test, or for training, validation and test; the other protocols pass over it.
    speaker-independent: each speaker is the test part once, or each of the corpus's folds of speakers.
    random-10-fold: tenths within each label.
    """
    if protocol not in _PROTOCOLS:
        raise LabError(f"unknown protocol {protocol!r}: known are {', '.join(_PROTOCOLS)}")
    if not is_share(share):
        raise LabError(f"share is {tuple(share)}: want two or three whole numbers above zero that add up to 100")
    return _PROTOCOLS[protocol](utterances, seed, share)


def is_share(share: Sequence[Any]) -> bool:
    """Whether these are two or three whole numbers above zero that add up to 100."""
    whole = all(isinstance(part, int) and part > 0 for part in share)
    return whole and len(share) in (2, 3) and sum(share) == 100


def _paper(utterances: Sequence[Utterance], seed: int, share: Sequence[int]) -> list[Fold]:
    n_test, n_validation = share[-1], share[1] if len(share) == 3 else 0
    part = np.empty(len(utterances), np.int64)
    for of_label in _shuffled_by_label(utterances, seed):
        part[of_label] = _dealt(len(of_label), n_test, n_validation)
    part = _copies_with_originals(part, utterances)
    train, validation, test = (np.flatnonzero(part == k) for k in range(3))
    return [Fold("-".join(str(per_cent) for per_cent in share), train, test, validation)]


def _dealt(n: int, test_per_cent: int, validation_per_cent: int) -> NDArray[np.int64]:
    """(n,): 2 for the test part, spread evenly; 1 for the validation part, spread evenly over the rest; 0 for training."""
    part = np.zeros(n, np.int64)
    part[np.arange(n) * test_per_cent % 100 < test_per_cent] = 2
    rest = np.flatnonzero(part == 0)
    left = 100 - test_per_cent
    part[rest[np.arange(len(rest)) * validation_per_cent % left < validation_per_cent]] = 1
    return part


def _speaker_independent(utterances: Sequence[Utterance], seed: int, share: Sequence[int]) -> list[Fold]:
    del seed, share  # nothing is drawn
    names = np.array([utterance.fold or utterance.speaker for utterance in utterances])
    return [Fold(str(name), np.flatnonzero(names != name), np.flatnonzero(names == name)) for name in np.unique(names)]


def _random_10_fold(utterances: Sequence[Utterance], seed: int, share: Sequence[int]) -> list[Fold]:
    del share
    tenths = np.empty(len(utterances), np.int64)
    for of_label in _shuffled_by_label(utterances, seed):
        tenths[of_label] = np.arange(len(of_label)) % 10
    tenths = _copies_with_originals(tenths, utterances)
    return [Fold(f"{k + 1}-of-10", np.flatnonzero(tenths != k), np.flatnonzero(tenths == k)) for k in range(10)]


def _shuffled_by_label(utterances: Sequence[Utterance], seed: int) -> list[NDArray[np.int64]]:
    """The positions of each label's utterances, shuffled."""
    rng = np.random.default_rng(seed)
    labels = np.array([utterance.label for utterance in utterances])
    return [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]


def _copies_with_originals(hands: NDArray[np.int64], utterances: Sequence[Utterance]) -> NDArray[np.int64]:
    """`hands` with a copy of a recording moved to its original's: a hand may so be one larger or smaller than its share."""
    if not any(utterance.same_as for utterance in utterances):
        return hands
    position = {(utterance.speaker, utterance.path.stem): k for k, utterance in enumerate(utterances)}
    moved = hands.copy()
    for k, utterance in enumerate(utterances):
        if utterance.same_as:
            moved[k] = hands[position.get((utterance.speaker, utterance.same_as), k)]
    return moved


def cut_validation(
    utterances: Sequence[Utterance], train: NDArray[np.int64], seed: int, per_cent: int = SEVENTY_FIFTEEN_FIFTEEN[1]
) -> Cut:
    """Cut a validation part from a training part, by speaker: `per_cent` of its speakers, at least one, drawn by `seed`.

    Of the draws one is taken that leaves every label in training and, if any does, has every label in validation, too.
    Where no draw leaves every label in training, as with the one speaker left of two, the cut is `per_cent` of each label
    instead, `by_speaker` is False, and what is stopped early by it is stopped by a voice that it knows.
    """
    if not 0 < per_cent < 100:
        raise LabError(f"validation of {per_cent} %: want a whole number between 0 and 100")
    part = [utterances[k] for k in train]
    speakers = np.array([utterance.speaker for utterance in part])
    chosen = _validation_speakers(part, np.random.default_rng(seed), per_cent)
    held_out = np.isin(speakers, chosen)
    if chosen:
        return Cut(train[~held_out], train[held_out], by_speaker=True)
    (fold,) = _paper(part, seed, (100 - per_cent, per_cent))
    return Cut(train[fold.train], train[fold.test], by_speaker=False)


def _validation_speakers(part: Sequence[Utterance], rng: np.random.Generator, per_cent: int) -> list[str]:
    """Empty when nobody can be spared."""
    speakers = sorted({utterance.speaker for utterance in part})
    n_chosen = max(1, round(len(speakers) * per_cent / 100))
    labels_of = {who: {u.label for u in part if u.speaker == who} for who in speakers}
    n_labels = len({utterance.label for utterance in part})
    best: list[str] = []
    n_best = 0
    for _ in range(N_DRAWS):
        drawn = [str(who) for who in rng.permutation(speakers)]
        chosen, rest = drawn[:n_chosen], drawn[n_chosen:]
        if len(_all_labels(labels_of, rest)) == n_labels and len(_all_labels(labels_of, chosen)) > n_best:
            best, n_best = chosen, len(_all_labels(labels_of, chosen))
        if n_best == n_labels:
            break
    return best


def _all_labels(labels_of: dict[str, set[str]], speakers: Sequence[str]) -> set[str]:
    return set().union(*(labels_of[who] for who in speakers))


_PROTOCOLS: dict[str, Callable[[Sequence[Utterance], int, Sequence[int]], list[Fold]]] = {
    PAPER: _paper,
    SPEAKER_INDEPENDENT: _speaker_independent,
    RANDOM_10_FOLD: _random_10_fold,
}
PROTOCOLS = tuple(_PROTOCOLS)
