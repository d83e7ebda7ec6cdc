"""The network that ships: trained on the whole corpus, so nothing is left to score it on."""

from __future__ import annotations

from pathlib import Path

from models.lab import corpora
from models.lab.features import extract
from models.lab.fit import Fitted, finished, fit
from models.lab.recipe import Recipe


def train(recipe: Recipe, seed: int, checkpoints: Path) -> Path:
    """Train on every utterance of the corpus; the checkpoint, from which an unfinished training goes on.

    Raises LabError when the corpus is not whole.
    """
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    checkpoint = _checkpoint(recipe, seed, checkpoints)
    fit(recipe, extract(utterances, recipe), recipe.classes(utterances), seed, checkpoint, f"{recipe.name} seed {seed}")
    return checkpoint


def trained(recipe: Recipe, seed: int, checkpoints: Path) -> Fitted:
    """What `train` made. Raises LabError when it has not, or not to the end."""
    n_utterances = sum(recipe.corpus.n_by_label.values())
    return finished(recipe, seed, n_utterances, _checkpoint(recipe, seed, checkpoints))


def _checkpoint(recipe: Recipe, seed: int, checkpoints: Path) -> Path:
    return checkpoints / recipe.name / f"whole-corpus-seed{seed}.pt"
