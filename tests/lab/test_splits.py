"""Nobody is on both sides, everybody is tested once, and a seed always deals the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.lab import splits
from models.lab.corpora import CASIA, EMODB, RAVDESS, TESS, Corpus, Utterance, corpora_root, whole
from models.lab.corpora.ravdess import EMOBOX_FOLDS
from models.lab.errors import LabError

# the last two speakers are one fold; every tenth recording is a copy of the one before, if by the same speaker and label
FOLDS = {"09": "pair", "10": "pair"}


def utterances_of(pairs: Sequence[tuple[str, str]]) -> list[Utterance]:
    found: list[Utterance] = []
    for k, (speaker, label) in enumerate(pairs):
        before = found[-1] if found else None
        is_copy = before and not before.same_as and k % 10 == 9 and (before.speaker, before.label) == (speaker, label)
        same_as = before.path.stem if before and is_copy else ""
        found.append(Utterance(Path(f"{k}.wav"), speaker, label, FOLDS.get(speaker, ""), same_as))
    return found


pairs = st.tuples(st.sampled_from(["03", "08", "09", "10"]), st.sampled_from(["anger", "fear", "neutral"]))
corpora = st.lists(pairs, min_size=1, max_size=60).map(utterances_of)
monotonous = st.lists(pairs, min_size=1, max_size=4).map(lambda few: utterances_of([pair for pair in few for _ in range(15)]))
seeds = st.integers(0, 100)
shares = st.sampled_from([splits.EIGHT_TWO, splits.SEVENTY_FIFTEEN_FIFTEEN, (90, 10), (34, 33, 33), (1, 98, 1)])


def parts(fold: splits.Fold) -> list[NDArray[np.int64]]:
    return [fold.train, fold.validation, fold.test]


@given(utterances=corpora, seed=seeds, share=shares)
@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
def test_the_parts_of_a_fold_share_nothing_and_leave_nothing(
    protocol: str, utterances: list[Utterance], seed: int, share: Sequence[int]
) -> None:
    for fold in splits.folds(protocol, utterances, seed, share):
        assert sorted(np.concatenate(parts(fold))) == list(range(len(utterances)))


@given(utterances=corpora)
def test_speakers_are_disjoint(utterances: list[Utterance]) -> None:
    folds = splits.folds(splits.SPEAKER_INDEPENDENT, utterances, seed=0)
    for fold in folds:
        tested = {utterances[k].speaker for k in fold.test}
        assert {FOLDS.get(speaker, speaker) for speaker in tested} == {fold.name}
        assert not tested & {utterances[k].speaker for k in fold.train}
    assert [fold.name for fold in folds] == sorted({utterance.fold or utterance.speaker for utterance in utterances})


@given(utterances=corpora, seed=seeds)
@pytest.mark.parametrize("protocol", [splits.SPEAKER_INDEPENDENT, splits.RANDOM_10_FOLD])
def test_every_utterance_is_tested_once(protocol: str, utterances: list[Utterance], seed: int) -> None:
    tested = np.concatenate([fold.test for fold in splits.folds(protocol, utterances, seed)])
    assert sorted(tested) == list(range(len(utterances)))


@given(utterances=monotonous, seed=seeds, share=shares)
@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
def test_a_copy_is_where_its_original_is(protocol: str, utterances: list[Utterance], seed: int, share: Sequence[int]) -> None:
    assert any(utterance.same_as for utterance in utterances)
    for fold in splits.folds(protocol, utterances, seed, share):
        part_of = {utterances[k].path.stem: name for name, part in enumerate(parts(fold)) for k in part}
        for utterance in utterances:
            if utterance.same_as:
                assert part_of[utterance.path.stem] == part_of[utterance.same_as]


@given(utterances=corpora, seed=seeds, share=shares)
def test_the_papers_split_is_the_share_within_each_label(utterances: list[Utterance], seed: int, share: Sequence[int]) -> None:
    (fold,) = splits.folds(splits.PAPER, utterances, seed, share)
    assert fold.name == "-".join(map(str, share))
    n_copies = Counter(utterance.label for utterance in utterances if utterance.same_as)
    for label, n in Counter(utterance.label for utterance in utterances).items():
        n_test, n_validation = (sum(utterances[k].label == label for k in part) for part in (fold.test, fold.validation))
        assert abs(n_test - n * share[-1] / 100) < 1 + n_copies[label]
        # the validation part is dealt from what the test part has left
        assert abs(n_validation - (n * share[1] / 100 if len(share) == 3 else 0)) < 2 + n_copies[label]
        if share == splits.EIGHT_TWO and not n_copies[label]:
            assert n_test == -(-n // 5)  # a fifth, rounded up


def test_the_papers_parts_have_every_label() -> None:
    labels = ["anger", "fear", "neutral"]
    utterances = [Utterance(Path(f"{k}.wav"), "03", labels[k % 3]) for k in range(30)]
    (fold,) = splits.folds(splits.PAPER, utterances, 0, splits.SEVENTY_FIFTEEN_FIFTEEN)
    for part in parts(fold):
        assert {utterances[k].label for k in part} == set(labels)


def test_a_seed_deals_the_same_and_another_seed_otherwise() -> None:
    utterances = [Utterance(Path(f"{k}.wav"), "03", "anger") for k in range(100)]
    one, again, other = (splits.folds(splits.PAPER, utterances, seed)[0].test for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert list(one) != list(other)


def test_unknown_protocol() -> None:
    with pytest.raises(LabError, match="unknown protocol 'loso': known are paper, speaker-independent, random-10-fold"):
        splits.folds("loso", [], seed=0)


@pytest.mark.parametrize("share", [(100,), (80, 10), (70, 10, 10, 10), (100, 0), (120, -20)])
def test_a_share_that_is_none(share: tuple[int, ...]) -> None:
    with pytest.raises(LabError, match="want two or three whole numbers above zero that add up to 100"):
        splits.folds(splits.PAPER, [], 0, share)


@given(utterances=corpora | monotonous, seed=seeds, per_cent=st.integers(1, 60))
def test_a_validation_part_is_cut_from_the_training_part_alone(utterances: list[Utterance], seed: int, per_cent: int) -> None:
    train = np.flatnonzero(np.random.default_rng(seed).random(len(utterances)) < 0.8)
    cut = splits.cut_validation(utterances, train, seed, per_cent)
    assert sorted([*cut.train, *cut.validation]) == list(train)
    again = splits.cut_validation(utterances, train, seed, per_cent)
    np.testing.assert_array_equal(cut.validation, again.validation)
    sides = [{utterances[k].speaker for k in part} for part in (cut.train, cut.validation)]
    if cut.by_speaker:
        assert not sides[0] & sides[1]
        assert {utterances[k].label for k in cut.train} == {utterances[k].label for k in train}
        assert len(sides[1]) == max(1, round((len(sides[0]) + len(sides[1])) * per_cent / 100))


@given(seed=seeds, n_speakers=st.integers(2, 12), per_cent=st.integers(5, 60))
def test_where_all_say_all_the_cut_is_by_speaker_and_has_every_label(seed: int, n_speakers: int, per_cent: int) -> None:
    labels = ("anger", "fear")
    utterances = [Utterance(Path(f"{who}{label}.wav"), str(who), label) for who in range(n_speakers) for label in labels]
    cut = splits.cut_validation(utterances, np.arange(len(utterances)), seed, per_cent)
    assert cut.by_speaker
    for part in (cut.train, cut.validation):
        assert {utterances[k].label for k in part} == set(labels)


def test_the_one_speaker_left_of_two_is_cut_within_each_label() -> None:
    utterances = [Utterance(Path(f"{k}.wav"), "OAF", "anger" if k % 2 else "fear") for k in range(40)]
    cut = splits.cut_validation(utterances, np.arange(40), seed=0, per_cent=15)
    assert not cut.by_speaker
    assert Counter(utterances[k].label for k in cut.validation) == {"anger": 3, "fear": 3}


def test_a_label_that_one_speaker_alone_has_stays_in_training() -> None:
    said = {"03": ["anger", "disgust"], "08": ["anger"], "09": ["anger"]}
    utterances = [Utterance(Path(f"{who}{label}.wav"), who, label) for who, labels in said.items() for label in labels]
    for seed in range(20):
        cut = splits.cut_validation(utterances, np.arange(len(utterances)), seed)
        assert cut.by_speaker
        assert "03" not in {utterances[k].speaker for k in cut.validation}


@pytest.mark.parametrize("per_cent", [0, 100])
def test_a_validation_part_of_nothing_or_of_all(per_cent: int) -> None:
    with pytest.raises(LabError, match=f"validation of {per_cent} %: want"):
        splits.cut_validation([], np.empty(0, np.int64), 0, per_cent)


def at_hand(corpus: Corpus) -> list[Utterance]:
    if not (corpora_root() / corpus.folder).is_dir():
        pytest.skip(f"{corpus.name} is not at hand: AFFECTD_CORPORA names no folder that holds {corpus.folder}/")
    return whole(corpus, corpora_root())


def digest(arrays: Sequence[NDArray[np.int64]]) -> str:
    return hashlib.sha256(b"".join(array.astype(np.int64).tobytes() for array in arrays)).hexdigest()[:16]


@pytest.mark.parametrize(
    ("corpus", "protocol", "seed", "wanted"),
    [
        (EMODB, splits.PAPER, 0, "51e0a74b5bfa7d12"),
        (EMODB, splits.PAPER, 4, "61f16e5e52504be9"),
        (EMODB, splits.SPEAKER_INDEPENDENT, 0, "52ef7d4393e6a4ef"),
        (EMODB, splits.RANDOM_10_FOLD, 0, "78776a4f3a6d9228"),
        (EMODB, splits.RANDOM_10_FOLD, 4, "6ee96b315bedeaf5"),
        (CASIA, splits.PAPER, 0, "fad7f8c3a73142ad"),
        (CASIA, splits.SPEAKER_INDEPENDENT, 0, "eee4fa262108190a"),
        (CASIA, splits.RANDOM_10_FOLD, 4, "4807331d9eb0a2d2"),
    ],
)
def test_the_folds_of_results_at_hand_are_still_the_same(corpus: Corpus, protocol: str, seed: int, wanted: str) -> None:
    assert digest([fold.test for fold in splits.folds(protocol, at_hand(corpus), seed)]) == wanted


@pytest.mark.parametrize(
    ("corpus", "wanted"), [(EMODB, "e70f6a9552dff3a563cca75e9b5dc441"), (CASIA, "bbff960bdc431b3a55226f2802b8ac78")]
)
def test_the_order_of_utterances_of_results_at_hand_is_still_the_same(corpus: Corpus, wanted: str) -> None:
    names = [u.path.relative_to(corpora_root()).with_suffix("").as_posix() for u in at_hand(corpus)]
    assert hashlib.sha256("\n".join(names).encode()).hexdigest()[:32] == wanted


def test_ravdess_has_six_folds_of_four_actors_with_every_label() -> None:
    utterances = at_hand(RAVDESS)
    folds = splits.folds(splits.SPEAKER_INDEPENDENT, utterances, 0)
    assert [fold.name for fold in folds] == list(EMOBOX_FOLDS)
    for fold in folds:
        assert len(fold.test) == 240
        assert {utterances[k].speaker for k in fold.test} == set(EMOBOX_FOLDS[fold.name])
        cut = splits.cut_validation(utterances, fold.train, 0)
        assert cut.by_speaker
        assert len(cut.validation) == 180  # three of twenty actors
        for part in (cut.train, cut.validation, fold.test):
            assert {utterances[k].label for k in part} == set(RAVDESS.n_by_label)


def test_tess_leaves_one_of_two_out() -> None:
    utterances = at_hand(TESS)
    folds = splits.folds(splits.SPEAKER_INDEPENDENT, utterances, 0)
    assert [(fold.name, len(fold.train), len(fold.test)) for fold in folds] == [("OAF", 1400, 1400), ("YAF", 1400, 1400)]
    assert not splits.cut_validation(utterances, folds[0].train, 0).by_speaker


@pytest.mark.parametrize("corpus", [EMODB, CASIA], ids=["EMO-DB", "CASIA"])
def test_a_validation_part_of_a_fold_is_by_speaker_with_every_label(corpus: Corpus) -> None:
    utterances = at_hand(corpus)
    for fold in splits.folds(splits.SPEAKER_INDEPENDENT, utterances, 0):
        for seed in range(5):
            cut = splits.cut_validation(utterances, fold.train, seed)
            assert cut.by_speaker
            for part in (cut.train, cut.validation):
                assert {utterances[k].label for k in part} == set(corpus.n_by_label)
