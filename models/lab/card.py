"""The model card: what a model file is, how it was made and scored, and what it is not for. Written, never edited."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from models.contract import Contract
from models.lab import metrics, splits
from models.lab.corpora import Utterance
from models.lab.recipe import Recipe
from models.lab.results import Result, Run, by_condition, pooled, read
from models.lab.splits import folds

if TYPE_CHECKING:
    from models.lab.fit import Fitted

PAPER_RECOGNITION_RATES = {"cl-emodb": 85.72, "cl-casia": 82.86}
"""Per cent, tables 2 and 3 of paper 1."""


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


def card(recipe: Recipe, contract: Contract, fitted: Fitted[Any], seed: int, scored: Sequence[Scored], content: bytes) -> str:
    """The card in Markdown. `content`: the model file's bytes."""
    parts = [
        _head(recipe, contract, fitted),
        _facts(recipe, contract, fitted, content),
        _training(recipe, fitted, seed),
        _scores(recipe, scored),
        *(_heard(each) for each in scored if each.protocol == splits.SPEAKER_INDEPENDENT and recipe.is_affectnet),
        *(_confusion(contract, each) for each in scored if each.protocol == splits.SPEAKER_INDEPENDENT),
        _LIMITS.format(speech=recipe.corpus.speech, labels=", ".join(contract.labels)),
    ]
    return "\n".join(parts)


def _head(recipe: Recipe, contract: Contract, fitted: Fitted[Any]) -> str:
    of_what = "the utterance so far" if recipe.is_affectnet else f"{_window_s(recipe):.2f} s of speech"
    return f"""# {contract.name}

Tells from {of_what} which emotion it carries: {", ".join(contract.labels)}.
The network is {_described(fitted.network)}
This card is written by `affectd-lab export {recipe.name}`; edits are lost.
"""


def _described(network: object) -> str:
    """The first line of its file."""
    within = getattr(network, "network", network)
    return str(sys.modules[type(within).__module__].__doc__).splitlines()[0]


def _facts(recipe: Recipe, contract: Contract, fitted: Fitted[Any], content: bytes) -> str:
    fe = contract.front_end
    window = (
        f"{recipe.window_frames} frames ({_window_s(recipe):.2f} s) every {recipe.stride_frames}; "
        "an utterance's probabilities are the mean over its windows; a shorter one is repeated until it fills a window"
    )
    if recipe.is_affectnet:
        window = f"none: it is fed frame by frame, and asked every {recipe.stride_frames} frames and at the utterance's end"
    rows = {
        "file": f"`{contract.name}.onnx`, {len(content):,} bytes, sha256 `{hashlib.sha256(content).hexdigest()}`",
        "parameters": f"{fitted.n_parameters:,}",
        "front end": f"{fe.sample_rate_hz} Hz mono; pre-emphasis {fe.pre_emphasis}; frames of {fe.frame_ms:g} ms every "
        f"{fe.hop_ms:g} ms, {fe.taper.capitalize()}; {', '.join(fe.kinds)}; {fe.n_bands} spectrogram bands, "
        f"{fe.n_mels} mel bands from {fe.f_min_hz:g} to {fe.f_max_hz:g} Hz, {fe.n_mfcc} MFCC",
        "window": window,
        "corpus": f"{recipe.corpus.name}: {sum(recipe.corpus.n_by_label.values())} utterances of "
        f"{recipe.corpus.n_speakers} speakers, licence {recipe.corpus.licence}",
        "licence of the weights": contract.licence,
    }
    return _table(("", ""), list(rows.items()))


def _window_s(recipe: Recipe) -> float:
    fe = recipe.front_end
    return ((recipe.window_frames - 1) * fe.hop_samples + fe.frame_samples) / fe.sample_rate_hz


def _training(recipe: Recipe, fitted: Fitted[Any], seed: int) -> str:
    made_with = ", ".join(f"{name} {version}" for name, version in fitted.versions.items())
    precision = "mixed bfloat16" if recipe.bf16 else "float32"
    dropout = "" if recipe.dropout is None else f", dropout {recipe.dropout:g}"
    cut = f"one random cut of at most {recipe.window_frames} frames" if recipe.is_affectnet else "one random window"
    copies = f", or of one of its copies ({', '.join(recipe.copies)})" if recipe.copies else ""
    return f"""## Training

On the whole corpus, so that no part is left to score this very file on: the scores below are of networks trained in the
same way on a part of it. Seed {seed}, {recipe.epochs} epochs of batches of {recipe.batch}, {recipe.optimiser} with a learning
rate of {recipe.learning_rate:g}{dropout}, {precision}; the last epoch is taken, none is picked; its mean loss
was {fitted.loss:.3f}. In training {cut} of each utterance{copies} an epoch; utterances are trimmed to the frames within
{recipe.trim_db:g} dB of their loudest. Made with {made_with}.
Recipe `{recipe.name}.toml`: {recipe.source}.
"""


def _scores(recipe: Recipe, scored: Sequence[Scored]) -> str:
    rows = []
    for each in scored:
        n_folds = len(each.results) // len(each.seeds)
        how = {
            splits.SPEAKER_INDEPENDENT: f"speaker-independent: leave one speaker out, {n_folds} folds pooled",
            splits.PAPER: "the paper's: random 8:2 within each label, the same speakers on both sides",
        }.get(each.protocol, f"{each.protocol}: {n_folds} folds pooled")
        seeds = f"seed {each.seeds[0]}" if len(each.seeds) == 1 else f"{len(each.seeds)} seeds, mean ± standard deviation"
        rows.append((f"{how}; {seeds}", *(_mean_sd(each.by_seed(score)) for score in ("uar", "wa", "macro_f1"))))
    if recipe.name in PAPER_RECOGNITION_RATES:
        rows.append(("the paper's own figure, 8:2", "-", f"{PAPER_RECOGNITION_RATES[recipe.name]:.2f}", "-"))
    note = "Nothing was chosen on a test part. The speaker-independent row is what to expect of a voice never heard before.\n"
    return f"## Scores, in per cent\n\n{_table(('protocol', 'UAR', 'WA', 'macro F1'), rows)}\n{note}"


def _mean_sd(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def _heard(scored: Scored) -> str:
    under = {"none: the scores above": scored}
    under.update({name: Scored(scored.protocol, each) for name, each in by_condition(scored.results).items()})
    rows = [(name, _mean_sd(each.by_seed("uar")), _mean_sd(each.by_seed("wa"))) for name, each in under.items()]
    table = _table(("utterances of the speaker heard before, without their labels", "UAR", "WA"), rows)
    return f"## A seat that knows its speaker, speaker-independent, in per cent\n\n{table}"


def _confusion(contract: Contract, scored: Scored) -> str:
    matrix = pooled(scored.results)
    by_label = metrics.by_label(matrix, contract.labels)
    rows = [
        (
            f"**{label}**",
            *(str(n) for n in matrix[k]),
            *(f"{by_label[label][score]:.1f}" for score in ("recall", "precision", "f1")),
        )
        for k, label in enumerate(contract.labels)
    ]
    head = ("true \\ said", *contract.labels, "recall", "precision", "F1")
    return f"## Confusion, speaker-independent, pooled\n\nUtterances; a row is what was true.\n\n{_table(head, rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_LIMITS = """## What it must not be used for, and what it does not know

- Not to infer the emotions of people at their workplace, professional drivers included, but for medical or safety
  reasons: Article 5(1)(f) of the EU AI Act (Regulation (EU) 2024/1689) prohibits it. Not to judge, rank or identify anyone.
- It has heard {speech}. Spontaneous feeling is weaker and mixed, and other languages
  and ages sound different; none of that was in the training, and how well it does there is not known.
- No cabin noise was in the training: engine, road, rain, music and several voices at once will mislead it.
- Its confidence is not calibrated: 0.9 does not mean right nine times in ten.
- It always answers one of: {labels}. Speech without any of these, a cough or a radio get one of these labels too.
"""
