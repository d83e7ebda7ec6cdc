"""Each fold's network in each precision, on the speaker whom it does not know; and the file that `export` writes in each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models import runtime
from models.lab import __main__ as cli
from models.lab import evaluate, measured, precisions, recipe, splits
from models.lab.corpora import CORPORA
from models.lab.errors import LabError
from models.lab.quantised_file import FP16, FP32, INT8, PRECISIONS
from models.lab.recipe import Recipe
from models.lab.train import train
from models.networks import affectnet
from models.registry import ARTEFACTS
from tests.fixtures import small_affectnet
from tests.lab import tiny
from tests.lab.tiny_affectnet import RECIPE

QUICK: Recipe = replace(RECIPE, epochs=1)
N_UTTERANCES = 18


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus."""
    made = tmp_path_factory.mktemp("precisions")
    tiny.write_corpus(made / "corpora")
    return made


@pytest.fixture(autouse=True)
def few_units(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTD_CORPORA", str(folder / "corpora"))
    monkeypatch.setenv("AFFECTD_CACHE", str(folder / "cache"))
    monkeypatch.setitem(CORPORA, "TINY", tiny.CORPUS)
    for name, value in small_affectnet.FEW.items():
        monkeypatch.setattr(affectnet, name, value)


def test_all_folds_are_pooled(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = evaluate.evaluate(QUICK, splits.SPEAKER_INDEPENDENT, [0], 0, tmp_path, folder / "build")
    found = precisions.measure(QUICK, 0, folder / "build")
    assert capsys.readouterr().err.endswith("3 of 3 folds done, about 0 s left\n")
    assert found.figures["folds"] == list(tiny.SPEAKERS)
    assert list(found.figures["precisions"]) == [row[0] for row in found.rows] == list(PRECISIONS)
    for told in found.figures["precisions"].values():
        assert sum(map(sum, told["cold"]["confusion"])) == N_UTTERANCES
    wide = found.figures["precisions"][FP32]
    # asked in pieces by the service's code, it says what it said whole in torch
    confusions = [result.confusion for result in wanted]
    assert wide["cold"]["confusion"] == [[sum(each[i][k] for each in confusions) for k in range(3)] for i in range(3)]
    assert wide["cold"]["largest_difference"] == 0.0
    for precision in (FP16, INT8):
        assert 0.0 < found.figures["precisions"][precision]["cold"]["largest_difference"] < 0.1
    assert measured.measured("tiny", found.write(tmp_path / "measured").parents[1])[0].rows == found.rows


def test_folds_that_are_not_there_are_left_out_and_said(folder: Path) -> None:
    for name in ("08", "09"):
        (folder / "build" / "tiny" / f"speaker-independent-seed0-{name}.functionals.pt").unlink()
    found = precisions.measure(QUICK, 0, folder / "build")
    assert found.figures["folds"] == ["03"]
    assert found.about.startswith("Seed 0, 1 of 3 folds pooled")
    with pytest.raises(LabError, match=r"no fold's network of seed 1: run `affectd-lab evaluate` first$"):
        precisions.measure(QUICK, 1, folder / "build")


def test_another_network_is_refused(folder: Path) -> None:
    with pytest.raises(LabError, match="tiny: is no AffectNet"):
        precisions.measure(tiny.RECIPE, 0, folder / "build")


@pytest.mark.parametrize("precision", [FP16, INT8])
def test_export_writes_it(folder: Path, monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(recipe, "load", lambda name: QUICK)
    train(QUICK, 0, evaluate.CHECKPOINTS)
    assert cli.main(["export", "tiny", "--precision", precision, "--out", "mine.onnx"]) == 0
    assert runtime.open_model("./mine.onnx").contract.name == f"tiny-{precision}"
    assert not (folder / "mine.partial").exists()


def test_export_writes_cl_in_8_bits_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(recipe, "load", lambda name: tiny.RECIPE)
    train(tiny.RECIPE, 0, evaluate.CHECKPOINTS)
    assert cli.main(["export", "tiny", "--precision", INT8, "--out", "cl.onnx"]) == 0
    assert runtime.open_model("./cl.onnx").contract.name == "tiny-int8"
    assert cli.main(["export", "tiny", "--precision", FP16, "--out", "cl.onnx"]) == 2
    assert capsys.readouterr().err.endswith("affectd-lab: tiny: is no AffectNet: only that is quantised\n")


def test_what_ships_is_fp32(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "load", lambda name: QUICK)
    for out in ([], ["--out", str(ARTEFACTS / "tiny.onnx")]):
        assert cli.main(["export", "tiny", "--precision", INT8, *out]) == 2
        said = capsys.readouterr().err
        assert said.startswith("affectd-lab: --precision int8: what ships is fp32; use --out with a path outside ")
        assert said.count("\n") == 1
