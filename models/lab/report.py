"""RESULTS.md: every row of the papers beside what our results say of it. Written, never edited; no date, no machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np

from models.lab import metrics, papers, recipe, splits
from models.lab.at_hand import Scores, n_speaker_folds
from models.lab.corpora import CORPORA, CREMAD, VIEWS, Corpus, View, by_name
from models.lab.markdown import table
from models.lab.measured import Measured
from models.lab.papers import TEST, Row
from models.lab.results import by_condition
from models.lab.shares import THE_SHARE, told

FILE = "RESULTS.md"
PICTURES = "pictures"
CLASSES = "classes.png"
SHARES_PICTURE = "shares.png"
RECORDINGS = {
    "spectrograms-emo-db.png": "EMO-DB, one utterance of each label by one speaker: waveform and mel spectrogram (STFT of 2048 "
    "samples, 128 mel bands, 0 to 8 kHz)",
    "augmentation-emo-db.png": "One utterance of EMO-DB, and paper 5's four augmentations of it",
}
"""Drawn where the corpora are at hand; of corpora whose licence lets a picture of them be given away."""

SHOWN = (splits.PAPER, splits.SPEAKER_INDEPENDENT)
"""The protocols that have a confusion matrix and a table by label."""

HowMany = Mapping[str, Mapping[str, Scores]]
"""Recipe -> protocol -> scores, as `at_hand` gives them."""


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    recipe: str
    """Its name; empty: a paper's row on a corpus that no recipe of ours is for."""
    row: Row | None
    """What a paper prints of it, or of the row that it is a twin of."""
    corpus: Corpus | View
    scores: Mapping[str, Scores]
    """By protocol; empty: not run."""


def confusion_picture(name: str) -> str:
    """The file of a recipe's confusion matrices."""
    return f"confusion-{name}.png"


def curves_picture(name: str) -> str:
    """The file of a recipe's training curves."""
    return f"curves-{name}.png"


def has_curves(scores: Mapping[str, Scores]) -> bool:
    """Whether any result holds its losses epoch by epoch."""
    return any(result.losses for each in scores.values() for result in each.results)


def lines(found: HowMany) -> list[Line]:
    """Every row of the papers in their order, each before its twins; then the recipes that no paper has."""
    known = set(recipe.names())
    names = {*known, *found, *(row.recipe for row in papers.ROWS)}
    places = {row.recipe: place for place, row in enumerate(papers.ROWS)}
    rows = {name: papers.row_of(name) for name in names}

    def order(name: str) -> tuple[int, str]:
        row = rows[name]
        return (places[row.recipe] if row else len(places), name)

    made = []
    for name in sorted(names, key=order):
        row = rows[name]
        of_paper = by_name(row.corpus) if row else None
        corpus = recipe.load(name).corpus if name in known else of_paper
        assert corpus is not None, f"{name}: papers.py names no known corpus"
        if row is not None and of_paper is not None and row.recipe == name and corpus is not of_paper:
            made.append(Line("", row, of_paper, {}))
        made.append(Line(name, row, corpus, found.get(name, {})))
    return made


def _figure(line: Line) -> float | None:
    """The paper's, if it is of this line's corpus."""
    return line.row.accuracy if line.row and line.row.corpus == line.corpus.name else None


def text(found: HowMany, pictures: Path, asked: Sequence[Measured] = ()) -> str:
    """The whole file. `pictures`: their folder; those of recordings are shown if they are in it. `asked`: see `shares`."""
    every = lines(found)
    parts = [_INTRODUCTION, _corpora()]
    for paper, title in papers.TITLES.items():
        parts += _section(title, [line for line in every if line.row and line.row.paper == paper])
    parts += _section("Recipes of our own", [line for line in every if line.row is None])
    parts += _shares(asked)
    parts += _recordings(pictures)
    parts.append(_made_with(found))
    return "\n".join(parts)


def _section(title: str, of_section: Sequence[Line]) -> list[str]:
    if not of_section:
        return []
    detailed = [part for line in of_section if line.scores for part in _details(line)]
    return [f"## {title}\n", _main_table(of_section), *_notes(of_section), *detailed]


def _main_table(of_section: Sequence[Line]) -> str:
    with_tenths = any(splits.RANDOM_10_FOLD in line.scores for line in of_section)
    head = ["row", "network", "corpus", "paper", "WA", "WA - paper", "UAR", "SI: UAR", "SI: WA", "SI: folds"]
    if with_tenths:
        head += ["10 folds: UAR", "10 folds: WA", "10 folds: run"]
    rows = []
    for line in of_section:
        own, unheard = line.scores.get(splits.PAPER), line.scores.get(splits.SPEAKER_INDEPENDENT)
        rows.append(
            [
                f"`{line.recipe}`" if line.recipe else "the paper's own",
                _network(line),
                line.corpus.name,
                "-" if (figure := _figure(line)) is None else f"{figure:.2f}",
                f"{score(own, 'wa')} ({n_seeds(own)})" if own else _absent(line),
                _difference(line, own),
                score(own, "uar") if own else "-",
                *_over_folds(line, unheard),
                *(_over_folds(line, line.scores.get(splits.RANDOM_10_FOLD)) if with_tenths else []),
            ]
        )
    return table(head, rows)


def _over_folds(line: Line, scores: Scores | None) -> list[str]:
    if scores is None:
        return [_absent(line), "-", "-"]
    folds = f"{scores.n_folds} of {scores.n_folds_wanted}"
    return [f"{score(scores, 'uar')} ({n_seeds(scores)})", score(scores, "wa"), folds]


def _network(line: Line) -> str:
    if line.row is None:
        return "-"
    changed = line.recipe[len(line.row.recipe) + 1 :]  # what a twin's name adds
    return f"{line.row.network}; {changed}" if changed else line.row.network


def _absent(line: Line) -> str:
    parts = [part.corpus for part in line.corpus.parts] if isinstance(line.corpus, View) else [line.corpus]
    return f"corpus not at hand: {CREMAD.name}" if CREMAD in parts else "not run"


def score(scores: Scores, which: str) -> str:
    """Mean and standard deviation of uar or wa over the seeds that count, in per cent."""
    values = scores.by_seed(which)
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def n_seeds(scores: Scores) -> str:
    """How many count, in words."""
    return f"{len(scores.counted)} seed{'s' if len(scores.counted) > 1 else ''}"


def _difference(line: Line, own: Scores | None) -> str:
    figure = _figure(line)
    if own is None or figure is None:
        return "-"
    return f"{np.mean(own.by_seed('wa')) - figure:+.2f}"


def _notes(of_section: Sequence[Line]) -> list[str]:
    noted: dict[str, list[str]] = {}
    for line in of_section:
        if line.row is not None and line.row.recipe == line.recipe:  # once, not for its twins
            kinds = [f"the paper's figure is its {line.row.kind}"] if line.row.kind != TEST else []
            for note in (*kinds, *([line.row.note] if line.row.note else [])):
                noted.setdefault(note, []).append(f"`{line.recipe}`")
    return ["".join(f"- {', '.join(names)}: {note}.\n" for note, names in noted.items())] if noted else []


def _details(line: Line) -> list[str]:
    parts = [f"### `{line.recipe}`\n"]
    shown = {protocol: line.scores[protocol] for protocol in SHOWN if protocol in line.scores}
    if shown:
        parts.append(f"![{line.recipe}: confusion matrices]({PICTURES}/{confusion_picture(line.recipe)})\n")
        parts.append(f"<details><summary>{line.recipe}: precision, recall and F1 of each label</summary>\n")
        parts += [f"{describe(scores)}:\n\n{_label_table(scores)}" for scores in shown.values()]
        parts.append("</details>\n")
    unheard = line.scores.get(splits.SPEAKER_INDEPENDENT)
    if unheard is not None and (under := by_condition(unheard.results)):
        known = {"none": unheard, **{name: replace(unheard, results=each) for name, each in under.items()}}
        rows = [[name, score(each, "uar"), score(each, "wa")] for name, each in known.items()]
        parts.append(f"A seat that knows its speaker, {describe(unheard)}:\n")
        parts.append(table(["utterances of the speaker heard before, without their labels", "UAR", "WA"], rows))
        if together := unheard.averaged:
            uars = ", ".join(
                f"{name}: UAR {metrics.uar(matrix):.2f}" for name, matrix in sorted(together.items(), reverse=True)
            )
            parts.append(
                f"The seeds' log-probabilities averaged, which one network that learns from them all would aim at: {uars}.\n"
            )
    if has_curves(line.scores):
        parts.append(f"![{line.recipe}: training curves]({PICTURES}/{curves_picture(line.recipe)})\n")
    return parts


def describe(scores: Scores) -> str:
    """The protocol, and what of it is there."""
    if scores.n_folds_wanted == 1:
        return f"{scores.protocol}, {n_seeds(scores)}"
    return f"{scores.protocol}, {scores.n_folds} of {scores.n_folds_wanted} folds, {n_seeds(scores)}"


def _label_table(scores: Scores) -> str:
    matrix, labels = scores.matrix, scores.recipe.labels
    by_label = metrics.by_label(matrix, labels)
    rows = [
        [label, str(n), *(f"{by_label[label][which]:.1f}" for which in ("precision", "recall", "f1"))]
        for label, n in zip(labels, matrix.sum(axis=1))
    ]
    return table(["label", "tested", "precision", "recall", "F1"], rows)


def _corpora() -> str:
    rows = []
    sources: list[Corpus | View] = [*CORPORA.values(), *VIEWS.values()]
    for source in sources:
        counts = list(source.n_by_label.values())
        rows.append(
            [
                source.name,
                str(sum(counts)),
                str(source.n_speakers),
                str(n_speaker_folds(source)),
                str(len(counts)),
                f"{100.0 / len(counts):.2f}",
                f"{100.0 * max(counts) / sum(counts):.2f}",
            ]
        )
    head = ["corpus", "utterances", "speakers", "SI folds", "labels", "UAR by chance", "WA of always the commonest label"]
    return f"## The corpora\n\n{table(head, rows)}\n![How many utterances of each label]({PICTURES}/{CLASSES})\n"


def _shares(asked: Sequence[Measured]) -> list[str]:
    if not asked:
        return []
    found = [(told(each), each.command) for each in asked]
    said = "".join(f"- {text[:1].upper()}{text[1:]} (`{command}`).\n" for text, command in found)
    mean = "Mean UAR of a seat that heard nothing, three and ten utterances before; every speaker counts alike:\n"
    picture = f"![UAR by the share of the branch over log-mel]({PICTURES}/{SHARES_PICTURE})\n"
    return ["## The share of AffectNet's branches\n", f"{THE_SHARE} {mean}", said, picture]


def _recordings(pictures: Path) -> list[str]:
    shown = [f"![{what}]({PICTURES}/{name})\n\n{what}.\n" for name, what in RECORDINGS.items() if (pictures / name).is_file()]
    return ["## Recordings\n", *shown] if shown else []


def _made_with(found: HowMany) -> str:
    counts: dict[str, int] = {}
    for of_recipe in found.values():
        for scores in of_recipe.values():
            for result in scores.results:
                made_with = ", ".join(f"{name} {version}" for name, version in sorted(result.versions.items()))
                counts[made_with] = counts.get(made_with, 0) + 1
    rows = [[made_with, str(n)] for made_with, n in sorted(counts.items())]
    return f"## Made with\n\n{table(['versions', 'runs'], rows) if rows else 'No run is at hand.'}"


_INTRODUCTION = """# Results

Written by `affectd-lab report` from the files under `results/`; edits are lost. All scores are in per cent.

- **WA** is plain accuracy, which is what the papers print; **UAR** is the mean of the labels' recalls. Where several seeds
  were run: mean ± standard deviation (n - 1) over the seeds.
- **WA, UAR** without more are under the paper's protocol: one split drawn within each label, by the seed, with the same
  speakers on both sides. **WA - paper** is the mean less the paper's figure, in points, where both are of one corpus.
- **SI** is speaker-independent: nobody is both trained and tested on. A fold is one speaker; of RAVDESS it is one of EmoBox's
  six of four actors, of several corpora together a sixth of the speakers. It is **pooled**: the utterances of all folds
  of a seed are counted in one confusion matrix, and that is scored. A mean of the folds' UARs would mislead: EMO-DB's
  speakers 03, 08 and 10 have 1, 0 and 1 utterances of disgust.
- **10 folds** are random tenths within each label, pooled in the same way, with the same speakers on both sides.
- A seed counts when all of its folds were run. Where no seed is whole, the one with the most folds is shown, and the number
  of folds says how many that is.
- Nothing was chosen on a test part: the last epoch is taken, or where a recipe has `patience`, the best on a validation part
  that is cut from the training part. But for one number, of AffectNet: see [its share](#the-share-of-affectnets-branches).
- In the pictures a row is what was true and a column what was said: per cent of the row, and below it the number of
  utterances, over all seeds and folds that count.
- `affectd-lab evaluate ROW --protocol paper --seeds 5` and `--protocol speaker-independent` run what is not run.
"""
