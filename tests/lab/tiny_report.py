"""Recipes, rows of papers and results to report on, all made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.lab import papers, recipe
from models.lab.corpora import CORPORA
from models.lab.papers import Row
from models.lab.recipe import Recipe
from models.lab.results import Result, Run, write
from tests.lab import tiny
from tests.lab.test_lab_cli import TOML

Matrix = list[list[int]]
ROWS = (
    Row("tiny", 1, "a tiny one", "TINY", 80.0),
    Row("absent", 1, "one without a recipe", "TINY", None, note="the paper prints none"),
    Row("large", 4, "a large one", "TESS+CREMA-D+RAVDESS", 65.14, papers.BEST_VALIDATION),
)

SEED_0: Matrix = [[2, 0, 0], [1, 1, 0], [0, 0, 2]]  # WA and UAR 5/6
SEED_1: Matrix = [[3, 1, 0], [0, 1, 0], [0, 1, 0]]  # WA 4/6, UAR (3/4 + 1 + 0) / 3
SPEAKER_03: Matrix = [[1, 0, 0], [0, 2, 0], [0, 0, 0]]  # UAR 1
SPEAKER_08: Matrix = [[0, 2, 0], [0, 2, 0], [1, 0, 1]]  # UAR (0 + 1 + 1/2) / 3; with 03's: (1/3 + 1 + 1/2) / 3, WA 6/9


def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with recipes `tiny`, `tiny-tuned`, `large` and `mine`, and rows of papers for them."""
    (tmp_path / "recipes").mkdir()
    for name in ("tiny", "tiny-tuned", "mine"):
        (tmp_path / "recipes" / f"{name}.toml").write_text(TOML)
    (tmp_path / "recipes" / "large.toml").write_text(TOML.replace('"TINY"', '"TESS+RAVDESS"'))
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "recipes")
    monkeypatch.setattr(papers, "ROWS", ROWS)
    monkeypatch.setitem(CORPORA, "TINY", tiny.CORPUS)
    return tmp_path


def result(made_by: Recipe, protocol: str, seed: int, fold: str, confusion: Matrix) -> Result:
    return Result(
        recipe=made_by.as_dict(),
        corpus=made_by.corpus.name,
        protocol=protocol,
        seed=seed,
        fold=fold,
        versions={"python": "3.11.7", "affectd": "0.1.0"},
        n_parameters=1,
        n_train=1,
        n_test=int(np.sum(confusion)),
        epochs=1,
        training_loss=0.0,
        seconds=0.0,
        labels=made_by.labels,
        confusion=confusion,
    )


def put(folder: Path, protocol: str, seed: int, fold: str, confusion: Matrix, name: str = "tiny") -> Path:
    made_by = recipe.load(name)
    run = Run(made_by, protocol, seed, fold)
    write(run, result(made_by, protocol, seed, fold, confusion), folder / "results")
    return run.path(folder / "results")


def assert_sane(path: Path) -> None:
    image = Image.open(path)
    assert image.format == "PNG"
    assert 300 <= image.width <= 1400
    assert 300 <= image.height <= 1400
    assert len(image.convert("RGB").getcolors(1 << 16) or []) > 10, f"{path} is all but empty"
    assert image.info == {}, "a PNG that tells when or by what it was made"
    assert path.stat().st_size < 150_000
