"""A recipe is whole or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.lab import recipe
from models.lab.corpora import EMODB, Utterance
from models.lab.errors import LabError

TEXT = (recipe.FOLDER / "cl-emodb.toml").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recipe, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_at_hand_loads(name: str) -> None:
    assert recipe.load(name).name == name


def test_cl_emodb_is_the_papers() -> None:
    loaded = recipe.load("cl-emodb")
    assert (loaded.corpus, loaded.window_frames, loaded.batch, loaded.learning_rate, loaded.dropout) == (
        EMODB,
        128,
        5,
        1e-4,
        0.2,
    )
    assert loaded.labels == ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"]


def test_classes_are_places_among_the_labels() -> None:
    utterances = [Utterance(Path("a.wav"), "03", label) for label in ("sadness", "anger", "fear")]
    np.testing.assert_array_equal(recipe.load("cl-emodb").classes(utterances), [6, 0, 3])


def test_as_dict_is_ready_for_json() -> None:
    values = json.loads(json.dumps(recipe.load("cl-emodb").as_dict()))
    assert values["corpus"] == "EMO-DB"
    assert values["front_end"]["hop_ms"] == 16.0


def test_unknown_recipe_names_the_known() -> None:
    with pytest.raises(LabError, match=r"no recipe 'cl-emo': known are .*cl-emodb"):
        recipe.load("cl-emo")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("epochs =", "epoch =", "unknown key 'epoch'; did you mean 'epochs'?"),
        ("epochs = 80", "", "lacks epochs"),
        ("epochs = 80", 'epochs = "80"', "epochs is '80': want a value of type int"),
        ("epochs = 80", "epochs = 80.5", "epochs is 80.5: want a value of type int"),
        ("bf16 = true", "bf16 = 1", "bf16 is 1: want a value of type bool"),
        ('"EMO-DB"\n', '"EMODB"\n', "unknown corpus 'EMODB': known are EMO-DB, CASIA"),
        ('network = "cl"', 'network = "lc"', "unknown network 'lc': known are cl"),
        ('"mfcc"]', '"mfcc"]\nhop = 3', "unknown front-end parameter 'hop'"),
        ("batch = 5", "batch = ", "cl-bad.toml"),
        ("batch = 5", "batch = 0", "batch is 0: want a value above zero"),
        ("epochs = 80", "epochs = true", "epochs is True: want a value of type int"),
        ("dropout = 0.2", "dropout = 1.0", "dropout is 1.0: want 0 <= value < 1"),
        ("dropout = 0.2", "share = [80, 30]", "share is [80, 30]: want two or three whole numbers"),
        ("dropout = 0.2", "share = [60, 20.5, 19.5]", "share is [60, 20.5, 19.5]: want two or three whole numbers"),
        ("dropout = 0.2", 'statistics = ["median"]', "statistics is ['median']: want a list of mean, deviation"),
        ("dropout = 0.2", 'optimiser = "adm"', "unknown optimiser 'adm': known are adam, adamw, sgd"),
        ("dropout = 0.2", "patience = -1", "patience is -1: want 0 or more"),
        ("dropout = 0.2", "augment.masks = -1", "augment.masks is -1: want 0 or more"),
        ("dropout = 0.2", "augment.mask_part = 1.5", "augment.mask_part is 1.5"),
        ("dropout = 0.2", "augment.mask = 1", "unknown key 'mask'; did you mean 'masks'?"),
    ],
)
def test_nonsense_is_refused_with_file_and_key(folder: Path, old: str, new: str, says: str) -> None:
    assert old in TEXT
    (folder / "cl-bad.toml").write_text(TEXT.replace(old, new))
    with pytest.raises(LabError, match=r"cl-bad\.toml") as refusal:
        recipe.load("cl-bad")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
