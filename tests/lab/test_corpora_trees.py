"""The corpora's names and numbers, on generated trees of them; and the views."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from models.lab import corpora
from models.lab.corpora import CREMAD, NEMO, NEMO_7, RAVDESS, RAVDESS_AS_7, TESS, TESS_CREMAD_RAVDESS, TESS_RAVDESS
from models.lab.errors import LabError
from tests.lab import trees


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CREMA-D, RAVDESS and TESS, whole."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, names in {"CREMA-D": trees.cremad_names(), "RAVDESS": trees.ravdess_names(), "TESS": trees.tess_names()}.items():
        trees.write(folder / name, names)
    (folder / "TESS" / "OAF_fear" / "OAF_food_fear.wav").write_bytes(trees.wav(0, n_samples=96000, rate_hz=96000))
    return folder


def test_cremad(root: Path) -> None:
    utterances = corpora.whole(CREMAD, root)
    assert len(utterances) == 7442
    assert Counter(utterance.label for utterance in utterances) == {**dict.fromkeys(CREMAD.n_by_label, 1271), "neutral": 1087}
    angry = next(utterance for utterance in utterances if utterance.path.stem == "1004_DFA_ANG_XX")
    assert (angry.speaker, angry.label) == ("1004", "anger")
    assert "1040_ITH_SAD_X" in {utterance.path.stem for utterance in utterances}


@pytest.mark.parametrize(
    "name", ["1001_DFA_ANG_X X", "1001_DFA_ANG", "1092_DFA_ANG_XX", "1000_DFA_ANG_XX", "1001_ABC_ANG_XX", "1001_DFA_SUR_XX"]
)
def test_what_is_not_a_name_of_cremad(tmp_path: Path, name: str) -> None:
    trees.write(tmp_path / "CREMA-D", [name])
    assert corpora.find(CREMAD, tmp_path) == []


def test_ravdess(root: Path) -> None:
    utterances = corpora.whole(RAVDESS, root)
    assert Counter(utterance.label for utterance in utterances) == {**dict.fromkeys(RAVDESS.n_by_label, 192), "neutral": 96}
    by_name = {utterance.path.stem: utterance for utterance in utterances}
    assert by_name["03-01-02-01-01-01-07"].label == "calm"
    assert by_name["03-01-05-02-01-01-12"].speaker == "12"
    assert [u.path.stem for u in utterances if u.same_as] == ["03-01-03-01-02-02-07"]


@pytest.mark.parametrize(
    "stem", ["03-02-05-01-01-01-07", "01-01-05-01-01-01-07", "03-01-01-02-01-01-07", "03-01-05-01-01-01-25"]
)
def test_what_is_not_a_name_of_its_speech(tmp_path: Path, stem: str) -> None:
    trees.write(tmp_path / "RAVDESS", [f"Actor_07/{stem}"])
    assert corpora.find(RAVDESS, tmp_path) == []


def test_a_file_that_is_missing_is_named_where_the_names_follow_a_rule(tmp_path: Path) -> None:
    trees.write(tmp_path / "RAVDESS", [name for name in trees.ravdess_names() if "05-02-01-01-12" not in name])
    trees.touch(tmp_path / "TESS", [name for name in trees.tess_names() if "YAF_bite_sad" not in name])
    with pytest.raises(LabError, match=r"anger: missing 1 of 192 \(03-01-05-02-01-01-12\); get what lacks from https://zenodo"):
        corpora.whole(RAVDESS, tmp_path)
    assert corpora.complaints(TESS, corpora.find(TESS, tmp_path)) == ["sadness: missing 1 of 400 (YAF_bite_sad)"]


def test_tess_with_the_oddities_of_its_source(root: Path) -> None:
    utterances = corpora.whole(TESS, root)
    assert Counter(utterance.label for utterance in utterances) == dict.fromkeys(TESS.n_by_label, 400)
    assert Counter(utterance.speaker for utterance in utterances) == {"OAF": 1400, "YAF": 1400}
    assert [u.speaker for u in utterances if u.path.stem.startswith("OA_")] == ["OAF"]


def test_tess_does_not_depend_on_how_its_folders_are_called(root: Path, tmp_path: Path) -> None:
    trees.touch(tmp_path / "TESS", [Path(name).name for name in trees.tess_names()])
    stems = [[u.path.stem for u in corpora.find(TESS, where)] for where in (root, tmp_path)]
    assert stems[0] == stems[1]


def test_nemo_of_seven_speakers_is_the_same_from_a_copy_of_nine(tmp_path: Path) -> None:
    trees.touch(tmp_path / "seven" / "nEMO", trees.nemo_names(*NEMO_7.speakers))
    trees.touch(tmp_path / "nine" / "nEMO", trees.nemo_names(*NEMO.speakers))
    found = {name: corpora.find(NEMO_7, tmp_path / name) for name in ("seven", "nine")}
    assert [u.path.name for u in found["seven"]] == [u.path.name for u in found["nine"]]
    assert {u.label for u in found["nine"]} == set(NEMO.n_by_label)
    assert "speakers: missing MK0, TP0" in corpora.complaints(NEMO, corpora.find(NEMO, tmp_path / "seven"))
    assert len(corpora.find(NEMO, tmp_path / "nine")) == 9 * 6 * 90


@pytest.mark.parametrize("stem", ["EB0_anger_0", "EB0_anger_91", "EB0_anger_012", "EB0_calm_1", "eb0_anger_1", "EB0_anger"])
def test_what_is_not_a_name_of_nemo(tmp_path: Path, stem: str) -> None:
    trees.write(tmp_path / "nEMO", [f"samples/{stem}"])
    assert corpora.find(NEMO, tmp_path) == []


def test_the_view_of_paper_4(root: Path) -> None:
    utterances = corpora.whole(TESS_CREMAD_RAVDESS, root)
    assert len(utterances) == 10898
    labels = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]
    assert list(TESS_CREMAD_RAVDESS.n_by_label) == labels
    assert Counter(utterance.label for utterance in utterances) == TESS_CREMAD_RAVDESS.n_by_label
    assert len({utterance.speaker for utterance in utterances}) == TESS_CREMAD_RAVDESS.n_speakers == 117
    assert {"RAVDESS-07", "TESS-OAF", "CREMA-D-1001"} <= {utterance.speaker for utterance in utterances}
    fold_of = {utterance.speaker: utterance.fold for utterance in utterances}
    assert set(fold_of.values()) == {f"{k}-of-6" for k in range(1, 7)}
    assert fold_of["RAVDESS-07"] == "4-of-6"
    assert fold_of["TESS-OAF"] != fold_of["TESS-YAF"]
    for fold in set(fold_of.values()):
        assert {utterance.label for utterance in utterances if utterance.fold == fold} == set(labels)


def test_the_view_of_paper_5_counts_calm_as_neutral(root: Path) -> None:
    utterances = corpora.whole(RAVDESS_AS_7, root)
    assert Counter(u.label for u in utterances) == RAVDESS_AS_7.n_by_label == {**dict.fromkeys(_SEVEN, 192), "neutral": 288}
    assert [(u.path, u.speaker, u.fold) for u in utterances] == [
        (u.path, u.speaker, u.fold) for u in corpora.find(RAVDESS, root)
    ]


_SEVEN = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def test_a_view_is_only_whole_when_its_corpora_are(root: Path, tmp_path: Path) -> None:
    (tmp_path / "TESS").symlink_to(root / "TESS")
    with pytest.raises(corpora.NotAtHand, match="CREMA-D: no folder"):
        corpora.whole(TESS_CREMAD_RAVDESS, tmp_path)
    trees.write(tmp_path / "RAVDESS", trees.ravdess_names()[1:])
    with pytest.raises(LabError, match=r"RAVDESS in .* is not whole: neutral: missing 1 of 96"):
        corpora.whole(TESS_RAVDESS, tmp_path)
    assert corpora.examine(TESS_RAVDESS, tmp_path)[1][0].startswith("RAVDESS: neutral: missing 1 of 96")


def test_corpora_and_views_are_known_by_name() -> None:
    assert corpora.by_name("TESS") is TESS
    assert corpora.by_name("RAVDESS-7") is RAVDESS_AS_7
    assert corpora.by_name("SAVEE") is None
    assert not set(corpora.CORPORA) & set(corpora.VIEWS)
