"""The results at hand: every file of a folder read, and grouped by recipe and protocol."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import metrics, recipe, splits
from models.lab.answers import Answers, averaged
from models.lab.corpora import Corpus, Utterance, View
from models.lab.errors import LabError
from models.lab.recipe import Recipe
from models.lab.results import Result, Run, pooled, read
from models.lab.scored import Scored

_FILE = re.compile(rf"({'|'.join(splits.PROTOCOLS)})-seed(\d+)-(.+)\.json")
_METRICS = {"uar": metrics.uar, "wa": metrics.wa}


@dataclass(frozen=True)
class Scores:
    """The results of one recipe under one protocol, at least one."""

    recipe: Recipe
    protocol: str
    results: Sequence[Result]

    @property
    def n_folds_wanted(self) -> int:
        """Of one seed."""
        of_protocol = {splits.PAPER: 1, splits.RANDOM_10_FOLD: 10}
        return of_protocol.get(self.protocol) or n_speaker_folds(self.recipe.corpus)

    @cached_property
    def counted(self) -> dict[int, list[Result]]:
        """Seed -> results: the seeds of which every fold is there; if there is none, the one with the most folds."""
        by_seed: dict[int, list[Result]] = defaultdict(list)
        for result in sorted(self.results, key=lambda result: (result.seed, result.fold)):
            by_seed[result.seed].append(result)
        n_folds = {seed: len(of_seed) for seed, of_seed in by_seed.items()}
        most = max(n_folds.values())
        fullest = [seed for seed in by_seed if n_folds[seed] == most]
        return {seed: by_seed[seed] for seed in (fullest if most >= self.n_folds_wanted else fullest[:1])}

    @property
    def n_folds(self) -> int:
        """Of each seed that counts."""
        return len(next(iter(self.counted.values())))

    def by_seed(self, score: str) -> list[float]:
        """uar or wa of each seed that counts, in per cent, from one confusion matrix over all its folds."""
        return [_METRICS[score](pooled(of_seed)) for of_seed in self.counted.values()]

    @cached_property
    def averaged(self) -> dict[str, NDArray[np.int64]]:
        """Condition -> (n_labels, n_labels) of what the seeds that count say together; empty of one, and without answers.

        Raises LabError for answers that cannot be read, or of different utterances.
        """
        found: dict[str, NDArray[np.int64]] = {}
        labels = self.recipe.labels
        for of_fold in zip(*self.counted.values()) if len(self.counted) > 1 else ():
            for name in set.intersection(*(set(each.answers) for each in of_fold)):
                told = [Answers.read(each.answers[name], len(labels)) for each in of_fold]
                found[name] = found.get(name, 0) + averaged(told, labels)
        return found

    @property
    def whole(self) -> Scored:
        """The seeds of which every fold is there, none if there is none."""
        is_whole = self.n_folds >= self.n_folds_wanted
        return Scored(self.protocol, [each for of_seed in self.counted.values() for each in of_seed] if is_whole else [])

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(n_labels, n_labels) over every seed and fold that counts."""
        return pooled([result for of_seed in self.counted.values() for result in of_seed])


def n_speaker_folds(corpus: Corpus | View) -> int:
    """How many folds `splits` makes of a whole copy under the speaker-independent protocol."""
    parts = [(part.corpus, part) for part in corpus.parts] if isinstance(corpus, View) else [(corpus, None)]
    folds: set[str] = set()
    n_unnamed = 0
    for source, part in parts:
        n_unnamed += 0 if source.speakers else source.n_speakers
        for speaker in source.speakers:
            label = next(iter(part.labels if part else source.n_by_label))
            utterance = Utterance(Path(), speaker, label, source.fold_of.get(speaker, ""))
            seen = corpus.seen(part, utterance) if isinstance(corpus, View) and part else utterance
            assert seen is not None
            folds.add(seen.fold or seen.speaker)
    return len(folds) + n_unnamed


def at_hand(folder: Path) -> dict[str, dict[str, Scores]]:
    """Recipe name -> protocol -> scores. Raises LabError for what is no result of a recipe at hand as it now is."""
    if not folder.is_dir():
        raise LabError(f"no folder {folder}")
    found = {}
    for of_recipe in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(of_recipe.glob("*.json"))
        if paths:
            found[of_recipe.name] = _of_recipe(of_recipe, paths)
    return found


def _of_recipe(folder: Path, paths: Sequence[Path]) -> dict[str, Scores]:
    if folder.name not in recipe.names():
        raise LabError(f"{folder}: no recipe {folder.name!r}: known are {', '.join(recipe.names())}")
    made_by = recipe.load(folder.name)
    results: dict[str, list[Result]] = defaultdict(list)
    for path in paths:
        result = _result(path, made_by)
        results[result.protocol].append(result)
    return {protocol: Scores(made_by, protocol, results[protocol]) for protocol in splits.PROTOCOLS if protocol in results}


def _result(path: Path, made_by: Recipe) -> Result:
    named = _FILE.fullmatch(path.name)
    if named is None:
        raise LabError(f"{path}: want PROTOCOL-seedN-FOLD.json, of {', '.join(splits.PROTOCOLS)}")
    run = Run(made_by, named[1], int(named[2]), named[3])
    result = read(run, path.parents[1])
    assert result is not None  # the file is there
    if (result.protocol, result.seed, result.fold, result.labels) != (run.protocol, run.seed, run.fold, made_by.labels):
        raise LabError(f"{path}: is not the result that its name says: delete it to run it again")
    return result
