"""The results of one protocol, and the scores in them that a model file and its card carry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Sequence

import numpy as np

from models.lab import metrics
from models.lab.corpora import Utterance
from models.lab.recipe import Recipe
from models.lab.results import Result, Run, pooled, read
from models.lab.splits import folds


@dataclass(frozen=True)
class Scored:
    """All results of one protocol."""

    protocol: str
    results: Sequence[Result]

    @property
    def seeds(self) -> list[int]:
        """The seeds that were run."""
        return sorted({result.seed for result in self.results})

    def by_seed(self, score: str) -> list[float]:
        """One score a seed, in per cent, each from one confusion matrix over the test utterances of all folds."""
        of = {"uar": metrics.uar, "wa": metrics.wa, "macro_f1": metrics.macro_f1}[score]
        return [of(pooled([result for result in self.results if result.seed == seed])) for seed in self.seeds]

    def scores(self) -> dict[str, float]:
        """For the contract: a number each, or mean and standard deviation where several seeds were run."""
        key = self.protocol.replace("-", "_")
        found = {}
        for score in ("uar", "wa", "macro_f1"):
            values = self.by_seed(score)
            if len(values) == 1:
                found[f"{key}_{score}"] = round(values[0], 2)
            else:
                found[f"{key}_{score}_mean"] = round(float(np.mean(values)), 2)
                found[f"{key}_{score}_sd"] = round(float(np.std(values, ddof=1)), 2)
        return found


def scored_at_hand(recipe: Recipe, protocol: str, utterances: Sequence[Utterance], results: Path) -> Scored:
    """The results of every seed all of whose folds have been run, from seed 0 on; empty when seed 0 is not whole."""
    found: list[Result] = []
    for seed in count():
        of_seed = [
            read(Run(recipe, protocol, seed, fold.name), results) for fold in folds(protocol, utterances, seed, recipe.share)
        ]
        if None in of_seed:
            return Scored(protocol, found)
        found += [result for result in of_seed if result is not None]
    raise AssertionError("seeds do not end")
