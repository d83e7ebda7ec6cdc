"""Nobody is on both sides, everybody is tested once, and a seed always deals the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lab import splits
from models.lab.corpora import Utterance
from models.lab.errors import LabError

corpora = st.lists(
    st.tuples(st.sampled_from(["03", "08", "09", "10"]), st.sampled_from(["anger", "fear", "neutral"])), min_size=1, max_size=60
).map(lambda pairs: [Utterance(Path(f"{k}.wav"), speaker, label) for k, (speaker, label) in enumerate(pairs)])


@given(utterances=corpora, seed=st.integers(0, 100))
@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
def test_the_parts_of_a_fold_share_nothing_and_leave_nothing(protocol: str, utterances: list[Utterance], seed: int) -> None:
    for fold in splits.folds(protocol, utterances, seed):
        assert sorted([*fold.train, *fold.test]) == list(range(len(utterances)))


@given(utterances=corpora)
def test_speakers_are_disjoint(utterances: list[Utterance]) -> None:
    folds = splits.folds(splits.SPEAKER_INDEPENDENT, utterances, seed=0)
    for fold in folds:
        assert {utterances[k].speaker for k in fold.test} == {fold.name}
        assert fold.name not in {utterances[k].speaker for k in fold.train}
    assert [fold.name for fold in folds] == sorted({utterance.speaker for utterance in utterances})


@given(utterances=corpora, seed=st.integers(0, 100))
@pytest.mark.parametrize("protocol", [splits.SPEAKER_INDEPENDENT, splits.RANDOM_10_FOLD])
def test_every_utterance_is_tested_once(protocol: str, utterances: list[Utterance], seed: int) -> None:
    tested = np.concatenate([fold.test for fold in splits.folds(protocol, utterances, seed)])
    assert sorted(tested) == list(range(len(utterances)))


@given(utterances=corpora, seed=st.integers(0, 100))
def test_the_papers_split_is_eight_to_two_within_each_label(utterances: list[Utterance], seed: int) -> None:
    (fold,) = splits.folds(splits.PAPER, utterances, seed)
    tested = Counter(utterances[k].label for k in fold.test)
    for label, n in Counter(utterance.label for utterance in utterances).items():
        assert tested[label] == -(-n // 5)  # a fifth, rounded up


def test_a_seed_deals_the_same_and_another_seed_otherwise() -> None:
    utterances = [Utterance(Path(f"{k}.wav"), "03", "anger") for k in range(100)]
    one, again, other = (splits.folds(splits.PAPER, utterances, seed)[0].test for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert list(one) != list(other)


def test_unknown_protocol() -> None:
    with pytest.raises(LabError, match="unknown protocol 'loso': known are paper, speaker-independent, random-10-fold"):
        splits.folds("loso", [], seed=0)
