"""The tables of a model card: scores by protocol, by what the seat has heard, by label, by who spoke, and by confidence."""

from __future__ import annotations

from typing import Iterator, Sequence

import numpy as np

from models.contract import Contract
from models.lab import metrics, splits
from models.lab.corpora import Corpus, View
from models.lab.doubt import LEAST_SHARE_ANSWERED, MOST_CONFIDENCE_ASKED, Doubt
from models.lab.markdown import table
from models.lab.measured import Measured
from models.lab.recipe import Recipe
from models.lab.results import by_condition, pooled
from models.lab.scored import Scored
from models.lab.shares import QUESTION, THE_SHARE, told

PAPER_RECOGNITION_RATES = {"cl-emodb": 85.72, "cl-casia": 82.86}
"""Per cent, tables 2 and 3 of paper 1."""
THRESHOLDS = tuple(k / 10 for k in range(10))


def scores(recipe: Recipe, scored: Sequence[Scored], measured: Sequence[Measured] = ()) -> str:
    """By protocol."""
    rows = []
    for each in scored:
        n_folds = len(each.results) // len(each.seeds)
        how = {
            splits.SPEAKER_INDEPENDENT: f"speaker-independent: {_of_whom(recipe, n_folds)}, pooled",
            splits.PAPER: "the paper's: random 8:2 within each label, the same speakers on both sides",
        }.get(each.protocol, f"{each.protocol}: {n_folds} folds pooled")
        seeds = f"seed {each.seeds[0]}" if len(each.seeds) == 1 else f"{len(each.seeds)} seeds, mean ± standard deviation"
        rows.append((f"{how}; {seeds}", *(_mean_sd(each.by_seed(score)) for score in ("uar", "wa", "macro_f1"))))
    if recipe.name in PAPER_RECOGNITION_RATES:
        rows.append(("the paper's own figure, 8:2", "-", f"{PAPER_RECOGNITION_RATES[recipe.name]:.2f}", "-"))
    chosen = "Nothing was chosen on a test part."
    if recipe.is_affectnet:
        chosen = f"Nothing was chosen on a test part, but for one number. {THE_SHARE}"
        chosen += "".join(f" By the table of shares below, {told(each)}." for each in measured if each.question == QUESTION)
    note = f"{chosen} The speaker-independent row is what to expect of a voice never heard before.\n"
    return f"## Scores, in per cent\n\n{table(('protocol', 'UAR', 'WA', 'macro F1'), rows)}\n{note}"


def _of_whom(recipe: Recipe, n_folds: int) -> str:
    if n_folds == recipe.corpus.n_speakers:
        return f"leave one speaker out, {n_folds} folds"
    return f"{n_folds} folds of its {recipe.corpus.n_speakers} speakers"


def _mean_sd(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def by_what_was_heard(scored: Scored) -> str:
    """By what the seat knew of its speaker."""
    under = {"none: the scores above": scored}
    under.update({name: Scored(scored.protocol, each) for name, each in by_condition(scored.results).items()})
    rows = [(name, _mean_sd(each.by_seed("uar")), _mean_sd(each.by_seed("wa"))) for name, each in under.items()]
    told = table(("utterances of the speaker heard before, without their labels", "UAR", "WA"), rows)
    return f"## A seat that knows its speaker, speaker-independent, in per cent\n\n{told}"


def by_speaker(corpus: Corpus | View, sure: Doubt, labels: Sequence[str]) -> str:
    """By corpus, and by the speakers' gender, as far as it is known."""
    said = sure.raw.argmax(axis=1)
    rows = []
    for name, of_group in _groups(corpus, sure.speakers):
        chosen = np.array([speaker in of_group for speaker in sure.speakers])
        matrix = metrics.confusion(sure.truth[chosen], said[chosen], len(labels))
        n_speakers = len(of_group & set(sure.speakers))
        rows.append((name, str(n_speakers), str(chosen.sum()), f"{metrics.uar(matrix):.2f}", f"{metrics.wa(matrix):.2f}"))
    about = "All seeds together, nothing heard before; UAR over the labels that a group has."
    head = ("who speaks", "speakers", "answers", "UAR", "WA")
    return f"## By who speaks, speaker-independent, in per cent\n\n{table(head, rows)}\n{about}\n"


def _groups(corpus: Corpus | View, speakers: Sequence[str]) -> Iterator[tuple[str, set[str]]]:
    parts = [part.corpus for part in corpus.parts] if isinstance(corpus, View) else [corpus]
    men: set[str] = set()
    of_known: set[str] = set()
    for part in parts:
        # as a view of several parts calls them
        before = f"{part.name}-" if len(parts) > 1 else ""
        theirs = {speaker for speaker in speakers if speaker.startswith(before)}
        if len(parts) > 1:
            yield part.name, theirs
        if part.men is not None:
            men |= {before + speaker for speaker in part.men}
            of_known |= theirs
    if of_known:
        yield "women", of_known - men
        yield "men", of_known & men


def confidence(contract: Contract, sure: Doubt) -> str:
    """Calibration, and what is left answered."""
    wanted = sorted({*THRESHOLDS, contract.min_confidence})
    rows = [
        (
            f"**{each.threshold:.2f}**" if each.threshold == contract.min_confidence else f"{each.threshold:.2f}",
            f"{100 * each.share:.1f}",
            f"{each.uar:.2f}",
            f"{each.wa:.2f}",
        )
        for each in sure.answered(wanted)
    ]
    return f"""## How sure it may be

Expected calibration error (15 bins) of speakers never heard: {sure.error:.3f}; without a temperature {sure.error_raw:.3f}.
Each speaker's answers were judged at the temperature of all others'; the file has that of all, {contract.temperature:g}.

Below a confidence of {contract.min_confidence:g} it is `uncertain`, unless the settings say otherwise: that is the most, up to
{MOST_CONFIDENCE_ASKED:g}, that leaves {100 * LEAST_SHARE_ANSWERED:.0f} % of the utterances of new speakers answered.

{table(("confidence asked for", "answered, %", "UAR of these", "WA of these"), rows)}"""


def by_label(contract: Contract, scored: Scored) -> str:
    """Confusion, recall, precision and F1."""
    matrix = pooled(scored.results)
    of_label = metrics.by_label(matrix, contract.labels)
    rows = [
        (
            f"**{label}**",
            *(str(n) for n in matrix[k]),
            *(f"{of_label[label][score]:.1f}" for score in ("recall", "precision", "f1")),
        )
        for k, label in enumerate(contract.labels)
    ]
    head = ("true \\ said", *contract.labels, "recall", "precision", "F1")
    return f"## Confusion, speaker-independent, pooled\n\nUtterances; a row is what was true.\n\n{table(head, rows)}"
