"""What is exported answers as the network did, carries its contract, and may be given away."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from models import registry
from models.contract import METADATA_KEY, Contract
from models.errors import HashMismatch
from models.lab import splits
from models.lab.corpora import corpora_root, whole
from models.lab.errors import LabError
from models.lab.evaluate import evaluate
from models.lab.export import Exported, export, real_windows
from models.lab.scored import Scored, scored_at_hand
from models.lab.train import train, trained
from models.runtime import EmotionModel
from tests.lab import tiny

RECIPE = replace(tiny.RECIPE, epochs=2)
PARTS = ("corpora", "build", "results")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a finished training and the results of one protocol."""
    folder = tmp_path_factory.mktemp("lab")
    tiny.write_corpus(folder / "corpora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTD_CORPORA", str(folder / "corpora"))
        train(RECIPE, 0, folder / "build")
        evaluate(RECIPE, splits.SPEAKER_INDEPENDENT, [0], 0, folder / "results", folder / "build")
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    for part in PARTS:
        shutil.copytree(made / part, tmp_path / part)
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    return tmp_path


def at_hand(folder: Path) -> list[Scored]:
    utterances = whole(RECIPE.corpus, corpora_root())
    return [scored_at_hand(RECIPE, splits.SPEAKER_INDEPENDENT, utterances, folder / "results")]


def exported(folder: Path, out: Path | None = None) -> Exported:
    return export(RECIPE, 0, at_hand(folder), folder / "build", out, folder / "artefacts")


def test_onnx_runtime_says_what_torch_says(folder: Path) -> None:
    found = exported(folder)
    assert found.largest_difference < 1e-4
    windows = real_windows(RECIPE)
    assert len(windows) == found.n_checked >= 18
    network = trained(RECIPE, 0, folder / "build").network
    columns = [RECIPE.front_end.columns(name) for name in ("spectrogram", "mfcc")]
    with torch.no_grad():
        logits = network(*(torch.from_numpy(np.ascontiguousarray(windows[:, :, part])) for part in columns))
    model = EmotionModel(registry.load("tiny", folder / "artefacts"))
    wanted = torch.softmax(logits, dim=1).numpy()
    np.testing.assert_allclose(model.predict(windows), wanted, atol=1e-4)
    np.testing.assert_allclose(model.predict(windows[:1]), wanted[:1], atol=1e-4)


def test_the_file_is_what_onnx_runtime_1_16_loads(folder: Path) -> None:
    model = onnx.load(exported(folder).path)
    assert model.ir_version <= 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert [put.name for put in model.graph.input] == ["spectrogram", "mfcc"]
    assert [put.name for put in model.graph.output] == ["logits"]
    for put in (*model.graph.input, *model.graph.output):
        assert put.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_the_contract_is_in_the_metadata(folder: Path) -> None:
    path = exported(folder).path
    metadata = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    contract = Contract.from_json(metadata[METADATA_KEY], where=str(path))
    assert contract.name == "tiny"
    assert contract.labels == ("anger", "neutral", "sadness")
    assert contract.front_end == RECIPE.front_end
    assert (contract.window_frames, contract.stride_frames) == (16, 8)
    assert (contract.licence, contract.trained_on) == ("Apache-2.0", ("TINY",))
    assert dict(contract.scores) == at_hand(folder)[0].scores()
    assert set(contract.scores) == {f"speaker_independent_{score}" for score in ("uar", "wa", "macro_f1")}


def test_the_same_training_gives_the_same_bytes(folder: Path) -> None:
    first = exported(folder).path.read_bytes()
    card = (folder / "artefacts" / "tiny.md").read_text()
    assert exported(folder).path.read_bytes() == first
    assert (folder / "artefacts" / "tiny.md").read_text() == card


def test_no_path_of_this_machine_is_in_the_file(folder: Path) -> None:
    content = exported(folder).path.read_bytes()
    assert str(folder).encode() not in content
    assert b".py" not in content


def test_sums_are_those_of_sha256sum_and_others_stay(folder: Path) -> None:
    listing = folder / "artefacts" / "SHA256SUMS"
    listing.parent.mkdir()
    listing.write_text(f"{'0' * 64}  another.onnx\n{'1' * 64}  tiny.onnx\n")
    found = exported(folder)
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert listing.read_text() == f"{'0' * 64}  another.onnx\n{found.sha256}  tiny.onnx\n"
    found.path.write_bytes(found.path.read_bytes() + b"x")
    with pytest.raises(HashMismatch):
        registry.load("tiny", folder / "artefacts")


def test_the_card_says_what_must_be_said(folder: Path) -> None:
    found = exported(folder)
    card = (folder / "artefacts" / "tiny.md").read_text()
    scores = at_hand(folder)[0].scores()
    for needed in (
        found.sha256,
        f"{found.path.stat().st_size:,} bytes",
        "licence CC0 1.0",
        "Apache-2.0",
        "Seed 0, 2 epochs",
        f"torch {torch.__version__}",
        "leave one speaker out, 3 folds, pooled",
        f"| {scores['speaker_independent_uar']:.2f} | {scores['speaker_independent_wa']:.2f} |",
        "| true \\ said | anger | neutral | sadness | recall |",
        "Article 5(1)(f)",
        "No cabin noise",
        "not calibrated",
        "no speech: tones",
    ):
        assert needed in card


def test_without_results_the_card_has_no_scores_of_ours(folder: Path) -> None:
    shutil.rmtree(folder / "results")
    assert at_hand(folder)[0].results == []
    export(RECIPE, 0, [], folder / "build", None, folder / "artefacts")
    assert "Confusion" not in (folder / "artefacts" / "tiny.md").read_text()


def test_seeds_count_when_all_their_folds_are_there(folder: Path) -> None:
    (folder / "results" / "tiny" / "speaker-independent-seed0-08.json").unlink()
    assert at_hand(folder)[0].results == []


def test_a_corpus_that_forbids_it_does_not_ship(folder: Path) -> None:
    corpus = replace(tiny.CORPUS, may_ship=False, licence="none at all", weights_licence="none: not to be given away")
    recipe = replace(RECIPE, corpus=corpus)
    for out in (None, folder / "artefacts" / "deeper" / "sly.onnx"):
        with pytest.raises(LabError, match=r"may not be given away \(licence: none at all\); use --out"):
            export(recipe, 0, [], folder / "build", out, folder / "artefacts")
    assert not (folder / "artefacts").exists()
    elsewhere = export(recipe, 0, [], folder / "build", folder / "own" / "mine.onnx", folder / "artefacts")
    assert EmotionModel.open(str(elsewhere.path)).contract.licence == "none: not to be given away"
    assert [path.name for path in elsewhere.path.parent.iterdir()] == ["mine.onnx"]


def test_an_unfinished_training_is_not_exported(folder: Path) -> None:
    with pytest.raises(LabError, match=r"seed7\.pt: no checkpoint: run `affectd-lab train tiny --seed 7` first"):
        export(RECIPE, 7, [], folder / "build", None, folder / "artefacts")


def test_a_file_that_answers_otherwise_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = EmotionModel.predict
    monkeypatch.setattr(EmotionModel, "predict", lambda self, windows: right(self, windows) + 1e-3)
    with pytest.raises(LabError, match=r"1\.0e-03 from torch"):
        exported(folder)
    assert not (folder / "artefacts").exists()
