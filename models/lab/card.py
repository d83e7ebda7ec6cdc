"""The model card: what a model file is, how it was made and scored, and what it is not for. Written, never edited."""

from __future__ import annotations

import hashlib
from typing import Sequence

from models.contract import Contract
from models.lab import splits
from models.lab.card_scores import by_label, by_speaker, by_what_was_heard, confidence, scores
from models.lab.doubt import doubt
from models.lab.made import Made, read
from models.lab.markdown import table
from models.lab.measured import Measured
from models.lab.recipe import CABIN, Recipe
from models.lab.scored import Scored


def card(recipe: Recipe, content: bytes, scored: Sequence[Scored], measured: Sequence[Measured] = ()) -> str:
    """The card in Markdown, of a model file's bytes. Raises LabError for a file that does not say how it was made."""
    contract, made = read(content, f"{recipe.name}.onnx")
    independent = [each for each in scored if each.protocol == splits.SPEAKER_INDEPENDENT]
    parts = [
        _head(recipe, contract, made),
        _facts(recipe, contract, made, content),
        _training(recipe, made),
        scores(recipe, scored, measured),
    ]
    doubts = [doubt(each.results) for each in independent]
    for each, sure in zip(independent, doubts):
        parts += [by_what_was_heard(each)] if recipe.is_affectnet else []
        parts += [by_speaker(recipe.corpus, sure, contract.labels), confidence(contract, sure)] if sure else []
        parts += [by_label(contract, each)]
    parts += [_measured(each) for each in measured]
    parts += [_limits(recipe, contract, any(doubts))]
    return "\n".join(parts)


def _head(recipe: Recipe, contract: Contract, made: Made) -> str:
    of_what = "the utterance so far" if recipe.is_affectnet else f"{_window_s(recipe):.2f} s of speech"
    return f"""# {contract.name}

Tells from {of_what} which emotion it carries: {", ".join(contract.labels)}.
The network is {made.network}
This card is written by `affectd-lab report`; edits are lost.
"""


def _facts(recipe: Recipe, contract: Contract, made: Made, content: bytes) -> str:
    fe = contract.front_end
    window = (
        f"{recipe.window_frames} frames ({_window_s(recipe):.2f} s) every {recipe.stride_frames}; "
        "an utterance's probabilities are the mean over its windows; a shorter one is repeated until it fills a window"
    )
    if recipe.is_affectnet:
        window = f"none: it is fed frame by frame, and asked every {recipe.stride_frames} frames and at the utterance's end"
    rows = {
        "file": f"`{contract.name}.onnx`, {len(content):,} bytes, sha256 `{hashlib.sha256(content).hexdigest()}`",
        "parameters": f"{made.n_parameters:,}",
        "front end": f"{fe.sample_rate_hz} Hz mono; pre-emphasis {fe.pre_emphasis}; frames of {fe.frame_ms:g} ms every "
        f"{fe.hop_ms:g} ms, {fe.taper.capitalize()}; {', '.join(fe.kinds)}; {fe.n_bands} spectrogram bands, "
        f"{fe.n_mels} mel bands from {fe.f_min_hz:g} to {fe.f_max_hz:g} Hz, {fe.n_mfcc} MFCC",
        "window": window,
        "corpus": f"{recipe.corpus.name}: {sum(recipe.corpus.n_by_label.values())} utterances of "
        f"{recipe.corpus.n_speakers} speakers, licence {recipe.corpus.licence}",
        "licence of the weights": contract.licence,
    }
    return table(("", ""), list(rows.items()))


def _window_s(recipe: Recipe) -> float:
    fe = recipe.front_end
    return ((recipe.window_frames - 1) * fe.hop_samples + fe.frame_samples) / fe.sample_rate_hz


def _training(recipe: Recipe, made: Made) -> str:
    made_with = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    precision = "mixed bfloat16" if recipe.bf16 else "float32"
    dropout = "" if recipe.dropout is None else f", dropout {recipe.dropout:g}"
    cut = f"one random cut of at most {recipe.window_frames} frames" if recipe.is_affectnet else "one random window"
    copies = f", or of one of its copies ({', '.join(recipe.copies)})" if recipe.copies else ""
    return f"""## Training

On the whole corpus, so that no part is left to score this very file on: the scores below are of networks trained in the
same way on a part of it. Seed {made.seed}, {recipe.epochs} epochs of batches of {recipe.batch}, {recipe.optimiser} with a
learning rate of {recipe.learning_rate:g}{dropout}, {precision}; the last epoch is taken, none is picked; its mean loss
was {made.loss:.3f}. In training {cut} of each utterance{copies} an epoch; utterances are trimmed to the frames within
{recipe.trim_db:g} dB of their loudest. Made with {made_with}.
Recipe `{recipe.name}.toml`: {recipe.source}.
"""


def _measured(found: Measured) -> str:
    used = found.machine["versions"]
    by = [str(found.machine.get("processor", ""))] + [
        f"{each} {used[each]}" for each in ("onnxruntime", "torch") if each in used
    ]
    where = ", ".join(each for each in by if each)
    return f"## {found.title}\n\n{table(found.head, found.rows)}\n{found.about}\n`{found.command}`; {where}.\n"


def _limits(recipe: Recipe, contract: Contract, is_calibrated: bool) -> str:
    noise = "No cabin noise was in the training: engine, road, rain, music and several voices at once will mislead it."
    if set(recipe.copies) & set(CABIN):
        noise = (
            "The cabin noise in its training is made up, or recorded elsewhere, and mixed in: none of its speech was said in a "
            "moving car. A radio and several voices at once will mislead it."
        )
    sure = "Its confidence is not calibrated: 0.9 does not mean right nine times in ten."
    if is_calibrated:
        sure = "Its confidence is calibrated on acted speech of new speakers, without noise; on other speech it is not."
    return f"""## What it must not be used for, and what it does not know

- Not to infer the emotions of people at their workplace, professional drivers included, but for medical or safety
  reasons: Article 5(1)(f) of the EU AI Act (Regulation (EU) 2024/1689) prohibits it. Not to judge, rank or identify anyone.
- It has heard {recipe.corpus.speech}. Spontaneous feeling is weaker and mixed, and other languages
  and ages sound different; none of that was in the training, and how well it does there is not known.
- {noise}
- {sure}
- It answers one of: {", ".join(contract.labels)}. Speech without any of these, a cough or a radio
  get one of these labels too, or `uncertain`, where the confidence is below {contract.min_confidence:g}.
"""
