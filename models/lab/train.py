"""The network that ships: trained on the whole corpus, so nothing is left to score it on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.lab import corpora
from models.lab.affectnet import fit as affectnet
from models.lab.affectnet.voices import learnt
from models.lab.errors import LabError
from models.lab.fit import Fitted, Part, finished, fit
from models.lab.material import Material, gather
from models.lab.recipe import Recipe, load
from models.lab.splits import Fold, cut_validation
from models.networks.affectnet import AffectNet
from models.networks.network import Network


def train(recipe: Recipe, seed: int, checkpoints: Path) -> Path:
    """Train on every utterance of the corpus; the checkpoint, from which an unfinished training goes on.

    Raises LabError when the corpus is not whole.
    """
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    begin = beginning(recipe, seed, checkpoints)
    checkpoint = _checkpoint(recipe, seed, checkpoints)
    material = gather(recipe, utterances)
    everybody = Fold("whole", np.arange(len(material.utterances)), np.empty(0, np.int64))
    if recipe.is_affectnet:
        affectnet.fit(recipe, learnt(material, recipe, everybody.train), seed, checkpoint, f"{recipe.name} seed {seed}", begin)
        return checkpoint
    learnt_from, judged_by = parts(recipe, material, everybody, seed)
    fit(recipe, learnt_from, seed, checkpoint, f"{recipe.name} seed {seed}", judged_by)
    return checkpoint


def beginning(recipe: Recipe, seed: int, checkpoints: Path) -> AffectNet | None:
    """The network that training begins with, None for one of random weights.

    Raises LabError for one that has heard anything of the recipe's corpus, that hears or tells something else, or that is not
    trained yet.
    """
    if not recipe.begins_as:
        return None
    other = load(recipe.begins_as)
    if other.begins_as:
        raise LabError(
            f"recipe {recipe.name} begins as {other.name}, which begins as {other.begins_as}: one step is all there is"
        )
    if corpora.have_in_common(other.corpus, recipe.corpus):
        raise LabError(f"recipe {recipe.name} begins as {other.name}, which was trained on {other.corpus.name}, too")
    for what in ("network", "front_end", "trim_db", "labels"):
        if getattr(other, what) != getattr(recipe, what):
            raise LabError(f"recipe {recipe.name} begins as {other.name}, whose {what} differs: want the same in both")
    begin = trained(other, seed, checkpoints).network
    assert isinstance(begin, AffectNet)
    return begin


def parts(recipe: Recipe, material: Material, fold: Fold, seed: int) -> tuple[Part, Part | None]:
    """What a fold's network learns from, and, for a recipe with `patience`, what it is stopped by.

    That is the fold's validation part if it has one, and else a cut of other speakers from its training part; no copies
    are in it but those of a recipe that makes them before the split.
    """
    if not recipe.patience:
        return Part(*material.learnt_from(np.sort(np.concatenate([fold.train, fold.validation])))), None
    if len(fold.validation):
        return Part(*material.learnt_from(fold.train)), Part(*material.judged_by(fold.validation))
    cut = cut_validation(material.utterances, fold.train, seed)
    return Part(*material.learnt_from(cut.train)), Part(*material.judged_by(cut.validation))


def trained(recipe: Recipe, seed: int, checkpoints: Path) -> Fitted[Network] | Fitted[AffectNet]:
    """What `train` made. Raises LabError when it has not, or not to the end."""
    if recipe.is_affectnet:
        return affectnet.finished(recipe, seed, sum(recipe.corpus.n_by_label.values()), _checkpoint(recipe, seed, checkpoints))
    return finished(recipe, seed, _n_examples(recipe, seed), _checkpoint(recipe, seed, checkpoints))


def _n_examples(recipe: Recipe, seed: int) -> int:
    n_utterances = sum(recipe.corpus.n_by_label.values())
    if not recipe.patience or recipe.copies_before_split or not recipe.copies:
        return n_utterances * (1 + len(recipe.copies))
    cut = cut_validation(corpora.whole(recipe.corpus, corpora.corpora_root()), np.arange(n_utterances), seed)
    return n_utterances + len(cut.train) * len(recipe.copies)


def _checkpoint(recipe: Recipe, seed: int, checkpoints: Path) -> Path:
    return checkpoints / recipe.name / f"whole-corpus-seed{seed}.pt"
