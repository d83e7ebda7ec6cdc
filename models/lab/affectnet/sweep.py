"""How much of AffectNet's answer each branch should have, told by speakers whom the file that ships never heard.

The share is used where the branches' answers become one, and nowhere in training: each branch is trained by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from models.lab import metrics
from models.lab.affectnet.apart import Apart, Branches
from models.lab.affectnet.heard import COLD, Condition
from models.lab.corpora import Corpus, View
from models.lab.cross_corpus import Elsewhere, elsewhere, require_another
from models.lab.errors import LabError
from models.lab.measured import Measured
from models.lab.recipe import Recipe
from models.lab.shares import QUESTION, SHARES, Uars, means
from models.lab.versions import versions
from models.registry import ARTEFACTS

CONDITIONS = (COLD, Condition("3 heard", 3), Condition("10 heard", 10))


@dataclass(frozen=True)
class Swept:
    """One corpus."""

    corpus: str
    labels: Sequence[str]
    """That it and the model have."""
    n_utterances: int
    uars: Mapping[str, Uars]
    """By speaker."""


def sweep(recipe: Recipe, targets: Sequence[Corpus | View], seed: int = 0, artefacts: Path = ARTEFACTS) -> Measured:
    """All speakers of each target, answered by the recipe's file with every share; what was heard before is drawn by `seed`.

    Raises LabError where there is no file or no AffectNet in it, and for a target that is not whole or was trained on.
    """
    for target in targets:
        require_another(target, recipe)
    path = artefacts / f"{recipe.name}.onnx"
    if not path.is_file():
        raise LabError(f"{path}: is not there: `affectd-lab export {recipe.name}` writes it")
    branches = Branches(onnx.load(path))
    found = []
    for target in targets:
        there = elsewhere(target, recipe)
        said = {each.name: branches.said(there.voices, each, seed) for each in CONDITIONS}
        found.append(by_speaker(target.name, there, said))
    return for_the_card(recipe, branches.share, found)


def by_speaker(corpus: str, there: Elsewhere, said: Mapping[str, Apart]) -> Swept:
    """`said`: by condition, of all of the voices there."""
    speakers = np.array(there.voices.speakers)
    uars = {
        speaker: {name: _uars(each, there, speakers == speaker) for name, each in said.items()}
        for speaker in sorted(set(there.voices.speakers))
    }
    return Swept(corpus, there.labels, len(there.truth), uars)


def _uars(apart: Apart, there: Elsewhere, chosen: NDArray[np.bool_]) -> list[float]:
    n_labels = len(there.labels)
    answers = (apart.weighed(share)[chosen][:, there.columns].argmax(axis=1) for share in SHARES)
    return [round(metrics.uar(metrics.confusion(there.truth[chosen], said, n_labels)), 2) for said in answers]


def for_the_card(recipe: Recipe, share: float, found: Sequence[Swept]) -> Measured:
    """A row a corpus and condition. `share`: as the file has it."""
    rows = [
        (each.corpus, str(len(each.uars)), name, *(f"{uar:.1f}" for uar in mean))
        for each in found
        for name, mean in means(list(each.uars.values())).items()
    ]
    said = "; ".join(f"{each.corpus}: {each.n_utterances} utterances, {len(each.labels)} labels" for each in found)
    return Measured(
        model=recipe.name,
        question=QUESTION,
        title="The share of the branch over log-mel, on speakers that it never heard",
        command=f"affectd-lab share {recipe.name} {' '.join(each.corpus for each in found)}",
        about="Mean over the speakers of each one's UAR in per cent, by the share that the log-mel's branch has of the answer. "
        f"{said}.",
        head=("corpus", "speakers", "heard before", *(f"{share:g}" for share in SHARES)),
        rows=rows,
        machine={"versions": versions()},
        figures={"share": share, "uars": {each.corpus: each.uars for each in found}},
    )
