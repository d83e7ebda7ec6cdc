"""AffectNet on a corpus that it was not trained on: other speakers, another language, other microphones, nothing known of it.

The labels that both corpora have are told apart, and no others: what the network says of the rest is passed over, and so are
utterances of labels that it never learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import corpora, metrics
from models.lab.affectnet.heard import COLD, Condition
from models.lab.affectnet.judge import probabilities
from models.lab.affectnet.voices import Voices, judged
from models.lab.corpora import Corpus, View
from models.lab.errors import LabError
from models.lab.material import gather
from models.lab.measured import Measured
from models.lab.recipe import Recipe
from models.lab.train import trained
from models.lab.versions import versions
from models.networks.affectnet import AffectNet

CONDITIONS = (COLD, Condition("10 heard", 10))


@dataclass(frozen=True)
class Crossed:
    """What a network said of another corpus."""

    corpus: str
    labels: Sequence[str]
    """That both have."""
    n_speakers: int
    confusions: Mapping[str, NDArray[np.int64]]
    """By condition: (n_labels, n_labels), a row is what was true."""


def crossed(recipe: Recipe, seed: int, targets: Sequence[Corpus | View], checkpoints: Path) -> list[Crossed]:
    """The network of a finished training on its whole corpus, judged on each target.

    Raises LabError for a training that is not finished, a target that is not whole or not another corpus.
    """
    if not recipe.is_affectnet:
        raise LabError(f"recipe {recipe.name}: only AffectNet is judged on other corpora, this one trains {recipe.network!r}")
    for target in targets:
        require_another(target, recipe)
    fitted = trained(recipe, seed, checkpoints)
    assert isinstance(fitted.network, AffectNet)
    return [_on(target, fitted.network, recipe, seed) for target in targets]


def _on(target: Corpus | View, network: AffectNet, recipe: Recipe, seed: int) -> Crossed:
    there = elsewhere(target, recipe)
    likely = {each.name: probabilities(network, there.voices, each, seed)[:, there.columns] for each in CONDITIONS}
    confusions = {name: metrics.confusion(there.truth, each.argmax(axis=1), len(there.labels)) for name, each in likely.items()}
    return Crossed(target.name, there.labels, len(set(there.voices.speakers)), confusions)


@dataclass(frozen=True)
class Elsewhere:
    """What another corpus has that a recipe's network can be asked."""

    labels: Sequence[str]
    """That both have."""
    voices: Voices
    """Of these labels."""
    truth: NDArray[np.int64]
    """(n_utterances,) positions in `labels`."""
    columns: Sequence[int]
    """Of the network's answers, those of `labels`."""


def elsewhere(target: Corpus | View, recipe: Recipe) -> Elsewhere:
    """Raises LabError for a target that is not whole, and where there are not two labels in common."""
    labels = sorted(set(target.n_by_label) & set(recipe.labels))
    if len(labels) < 2:
        raise LabError(f"{target.name}: has {len(labels)} of the labels of recipe {recipe.name}: want two at least")
    there = replace(recipe, corpus=target, copies=())
    said = [each for each in corpora.whole(target, corpora.corpora_root()) if each.label in labels]
    voices = judged(gather(there, said), there, np.arange(len(said)))
    truth = np.array([labels.index(each.label) for each in said], np.int64)
    return Elsewhere(labels, voices, truth, [recipe.labels.index(label) for label in labels])


def require_another(target: Corpus | View, recipe: Recipe) -> None:
    """Raises LabError where something of the target was trained on."""
    if corpora.have_in_common(target, recipe.corpus):
        raise LabError(f"{target.name}: recipe {recipe.name} was trained on {recipe.corpus.name}: want another corpus")


def for_the_card(recipe: Recipe, seed: int, found: Sequence[Crossed]) -> Measured:
    """A row a corpus."""
    rows = []
    for each in found:
        uars = (f"{metrics.uar(each.confusions[condition.name]):.2f}" for condition in CONDITIONS)
        n = str(int(each.confusions[COLD.name].sum()))
        chance = f"{100 / len(each.labels):.2f}"
        rows.append((each.corpus, ", ".join(each.labels), str(each.n_speakers), n, chance, *uars))
    return Measured(
        model=recipe.name,
        question="other-corpora",
        title="On corpora that it never heard, in per cent",
        command=f"affectd-lab cross {recipe.name} {' '.join(each.corpus for each in found)}",
        about=f"Trained on the whole of {recipe.corpus.name}, seed {seed}; nothing of the other corpus was used, of the labels "
        "those that both have.",
        head=("corpus", "labels", "speakers", "utterances", "UAR by chance", "UAR, nothing heard", "UAR, 10 heard"),
        rows=rows,
        machine={"versions": versions()},
        figures={each.corpus: {name: matrix.tolist() for name, matrix in each.confusions.items()} for each in found},
    )
