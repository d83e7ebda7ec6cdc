"""The networks of a recipe's folds, and what they say of their test parts as `noise_heard` has them. The lab's Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.noise_heard import Part, Surroundings, heard_in
from benchmarks.noise_table import BOUNDS, GATE
from models.lab import corpora, metrics, results, splits
from models.lab.affectnet.fit import finished
from models.lab.affectnet.heard import CONDITIONS, TOLD_IN_FULL, Condition
from models.lab.affectnet.judge import probabilities
from models.lab.affectnet.voices import Voices
from models.lab.corpora import Utterance
from models.lab.errors import LabError
from models.lab.evaluate import checkpoint_of, runs
from models.lab.recipe import Recipe
from models.lab.results import RESULTS, Run
from models.networks.affectnet import AffectNet

PROTOCOL = splits.SPEAKER_INDEPENDENT
ASKED = tuple(each for each in CONDITIONS if each.name in TOLD_IN_FULL)
"""Cold, and with ten utterances heard."""


@dataclass(frozen=True)
class Fold:
    """Who is tested on, and who was trained without them."""

    name: str
    utterances: Sequence[Utterance]
    networks: Sequence[AffectNet]
    """One a seed, from 0 on."""


def folds(recipe: Recipe, n_seeds: int, checkpoints: Path, every: int = 1) -> list[Fold]:
    """All of the protocol, trained before; of their utterances one of `every`.

    Raises LabError for a corpus that is not whole, and for a fold that is not trained.
    """
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    return [
        Fold(
            fold.name,
            [utterances[i] for i in fold.test[::every]],
            [
                _trained(Run(recipe, PROTOCOL, seed, fold.name), len(fold.train) + len(fold.validation), checkpoints)
                for seed in range(n_seeds)
            ],
        )
        for fold in splits.folds(PROTOCOL, utterances, 0, recipe.share)
    ]


def _trained(run: Run, n_learnt: int, checkpoints: Path) -> AffectNet:
    try:
        return finished(run.recipe, run.seed, n_learnt, checkpoint_of(run, checkpoints)).network
    except LabError as trouble:
        what = str(trouble).rsplit(": run ", 1)[0]
        seeds = f" --seeds {run.seed + 1}" if run.seed else ""
        raise LabError(f"{what}: `affectd-lab evaluate {run.recipe.name} --protocol {PROTOCOL}{seeds}` trains it") from trouble


@dataclass(frozen=True)
class Hits:
    """How many of each label were recognised."""

    right: NDArray[np.int64]
    """(n_labels,)"""
    true: NDArray[np.int64]
    """(n_labels,) in all, those that the gate missed included."""

    def __add__(self, other: Hits) -> Hits:
        return Hits(self.right + other.right, self.true + other.true)

    @property
    def uar(self) -> float:
        """In per cent, over the labels that occur; what was missed is wrong."""
        occurs = self.true > 0
        return float(100.0 * np.mean(self.right[occurs] / self.true[occurs]))


def hits(
    network: AffectNet, voices: Voices, condition: Condition, seed: int, asked: Sequence[str], labels: Sequence[str]
) -> Hits:
    """`asked`: the labels of all that was said, of which `voices` may lack some. What is heard before is of `voices`, too."""
    true = np.array([list(asked).count(label) for label in labels], np.int64)
    if not voices.labels:
        return Hits(np.zeros_like(true), true)
    said = probabilities(network, voices, condition, seed).argmax(axis=1)
    right = [label for label, best in zip(voices.labels, said) if labels[best] == label]
    return Hits(np.array([right.count(label) for label in labels], np.int64), true)


def in_place(where: Surroundings, folds: Sequence[Fold], recipe: Recipe) -> dict[str, Any]:
    """What the gate found there; and UARs pooled over the folds, one a seed, by condition and by who knows the bounds."""
    parts = [heard_in(where, fold.utterances, recipe) for fold in folds]
    uars = {
        condition.name: {
            BOUNDS: _uars(folds, [part.known for part in parts], parts, condition, recipe.labels),
            GATE: _uars(folds, [part.gated for part in parts], parts, condition, recipe.labels),
        }
        for condition in ASKED
    }
    return {"gate": gate_figures(parts), "uar": uars}


def _uars(
    folds: Sequence[Fold], voices: Sequence[Voices], parts: Sequence[Part], condition: Condition, labels: Sequence[str]
) -> list[float]:
    told = []
    for seed in range(len(folds[0].networks)):
        each = [
            hits(fold.networks[seed], heard, condition, seed, part.known.labels, labels)
            for fold, heard, part in zip(folds, voices, parts)
        ]
        told.append(round(reduce(add, each).uar, 2))
    return told


def gate_figures(parts: Sequence[Part]) -> dict[str, float]:
    """In per cent: utterances missed, and found in several stretches; of the speech kept; of what is kept no speech."""
    n_stretches = np.concatenate([part.n_stretches for part in parts])
    strange = np.concatenate([part.strange_share for part in parts])[n_stretches > 0]
    return {
        "missed": _per_cent(n_stretches == 0),
        "several": _per_cent(n_stretches > 1),
        "kept": _per_cent(np.concatenate([part.kept_share for part in parts])),
        "no speech": _per_cent(strange),
    }


def _per_cent(values: NDArray[Any]) -> float:
    return round(100.0 * float(values.mean()), 2) if len(values) else 0.0


def uars_at_hand(recipe: Recipe, n_seeds: int) -> list[float]:
    """Those that `affectd-lab evaluate` found, clean and cold, one a seed; none unless every fold's are there.

    Raises LabError for results of another recipe.
    """
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    told = []
    for seed in range(n_seeds):
        found = [results.read(run, RESULTS) for run in runs(recipe, PROTOCOL, [seed], utterances)]
        of_seed = [result for result in found if result is not None]
        if len(of_seed) < len(found):
            return []
        told.append(round(metrics.uar(results.pooled(of_seed)), 2))
    return told
