"""`python -m models.lab.precisions RECIPE`: what half precision and 8 bits cost in accuracy, on speakers not trained with."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.adaptation import Heard
from models.lab import corpora, metrics, quantise, quantise_windows, recipe
from models.lab.affectnet.fit import finished
from models.lab.affectnet.heard import COLD, CONDITIONS, in_test
from models.lab.affectnet.voices import judged, learnt
from models.lab.errors import LabError
from models.lab.evaluate import CHECKPOINTS, checkpoint_of, runs
from models.lab.export import contract_of, to_onnx, windows_of
from models.lab.material import Material, as_dealt, gather
from models.lab.measured import Measured
from models.lab.quantised_file import FP16, FP32, INT8, PRECISIONS
from models.lab.recipe import Recipe
from models.lab.results import Run
from models.lab.splits import SPEAKER_INDEPENDENT, Fold, folds
from models.lab.versions import versions
from models.registry import Artefact
from models.streaming import StreamModel

HEARD_10 = next(each for each in CONDITIONS if each.name == "10 heard")
SHOWN = (COLD, HEARD_10)
QUESTION = "precisions"
N_CALIBRATED_OF = 200
"""Utterances of a whole corpus: what the examples are drawn from, and what their speakers are known by."""

Likely = dict[tuple[str, str], NDArray[np.float64]]
"""(n_tested, n_labels) by precision and condition."""


@dataclass(frozen=True)
class FoldJudged:
    """The answers of one fold's network in each precision."""

    name: str
    truth: NDArray[np.int64]
    likely: Likely
    n_bytes: Mapping[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is found where the model's card finds it. An error is one line on stderr; the exit code is 0 or 2."""
    parser = argparse.ArgumentParser(prog="python -m models.lab.precisions", description=__doc__)
    parser.add_argument("recipe", help=", ".join(recipe.names()))
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the folds' trainings (default 0)")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, metavar="DIR", help="where the folds' networks lie")
    options = parser.parse_args(arguments)
    try:
        found = measure(recipe.load(options.recipe), options.seed, options.checkpoints)
        path = found.write()
    except LabError as trouble:
        print(f"precisions: {trouble}", file=sys.stderr)
        return 2
    print("\n".join(" | ".join(row) for row in (found.head, *found.rows)))
    print(path)
    return 0


def measure(chosen: Recipe, seed: int = 0, checkpoints: Path = CHECKPOINTS) -> Measured:
    """Each fold's network in each precision on the speakers whom it was not trained with, as the service asks it.

    The folds of which a network lies under `checkpoints`, as `affectd-lab evaluate` leaves it. Raises LabError where there is
    none, for a recipe of another network, and for a corpus that is not at hand.
    """
    if not chosen.is_affectnet:
        raise LabError(f"{chosen.name}: is no AffectNet: only that is quantised")
    utterances = corpora.whole(chosen.corpus, corpora.corpora_root())
    wanted = runs(chosen, SPEAKER_INDEPENDENT, [seed], utterances)
    networks = {run.fold: checkpoint_of(run, checkpoints) for run in wanted}
    at_hand = [run for run in wanted if networks[run.fold].with_suffix(".functionals.pt").is_file()]
    if not at_hand:
        raise LabError(f"{checkpoints / chosen.name}: no fold's network of seed {seed}: run `affectd-lab evaluate` first")
    material = gather(chosen, utterances)
    dealt = {fold.name: fold for fold in folds(SPEAKER_INDEPENDENT, as_dealt(chosen, utterances), seed, chosen.share)}
    parts, started = [], time.perf_counter()
    for n_done, run in enumerate(at_hand, start=1):
        parts.append(_judged(run, dealt[run.fold], material, networks[run.fold]))
        left_s = (time.perf_counter() - started) / n_done * (len(at_hand) - n_done)
        print(f"{run.name}: {n_done} of {len(at_hand)} folds done, about {left_s:.0f} s left", file=sys.stderr)
    return _told(chosen, seed, parts, len(wanted))


def _judged(run: Run, fold: Fold, material: Material, checkpoint: Path) -> FoldJudged:
    positions = np.sort(np.concatenate([fold.train, fold.validation]))
    network = finished(run.recipe, run.seed, len(positions), checkpoint).network
    examples = quantise.examples(learnt(material, run.recipe, positions), run.seed)
    files = in_each(to_onnx(network, contract_of(run.recipe)), examples)
    voices = judged(material, run.recipe, fold.test)
    frames = [material.frames[i] for i in fold.test]
    likely: Likely = {}
    for condition in SHOWN:
        rng = np.random.default_rng(run.seed)  # as the results of the recipe draw what was heard
        known = [in_test(voices, i, condition, rng) for i in range(len(frames))]
        for precision, content in files.items():
            model = StreamModel(Artefact(precision, checkpoint, hashlib.sha256(content).hexdigest(), content))
            likely[precision, condition.name] = np.stack([answer(model, *each) for each in zip(frames, known)])
    sizes = {precision: len(content) for precision, content in files.items()}
    return FoldJudged(run.fold, material.truth[fold.test], likely, sizes)


def in_each(content: bytes, examples: Sequence[quantise.Example]) -> dict[str, bytes]:
    """The file in each of `PRECISIONS`, calibrated by the examples."""
    return {FP32: content, FP16: quantise.fp16(content), INT8: quantise.int8(content, examples)}


def rewrite(path: Path, precision: str, chosen: Recipe) -> None:
    """Put the exported file of a training on a whole corpus into another of `PRECISIONS`.

    Calibrated by some of the corpus, AffectNet by their copies, too, of which features are computed where they are not kept.
    Raises LabError where the corpus is not whole, and for a file that is neither AffectNet's nor, in 8 bits, CL's.
    """
    content = path.read_bytes()
    if precision == FP16:
        content = quantise.fp16(content)
    elif precision == INT8 and not chosen.is_affectnet:
        content = quantise_windows.int8(content, some_windows(chosen))
    elif precision == INT8:
        drawn = _drawn(chosen)
        material = gather(chosen, drawn)
        content = quantise.int8(content, quantise.examples(learnt(material, chosen, np.arange(len(drawn)))))
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def some_windows(chosen: Recipe) -> NDArray[np.float32]:
    """Windows of some of the corpus, to calibrate by: (n, window_frames, n_features). Raises LabError where it is not whole."""
    return windows_of(_drawn(chosen), chosen)


def _drawn(chosen: Recipe) -> list[corpora.Utterance]:
    utterances = corpora.whole(chosen.corpus, corpora.corpora_root())
    drawn = np.random.default_rng(0).permutation(len(utterances))[:N_CALIBRATED_OF]
    return [utterances[i] for i in np.sort(drawn)]


def answer(model: StreamModel, frames: NDArray[np.float32], heard: Heard) -> NDArray[np.float64]:
    """(n_labels,) of a whole utterance (n_frames, n_features), given as the service gives it."""
    utterance, stride = model.begin(heard), model.contract.stride_frames
    for begin in range(0, len(frames), stride):
        likely = model.answer([utterance.push(frames[begin : begin + stride])])
    return np.asarray(likely[0])


def _told(chosen: Recipe, seed: int, parts: Sequence[FoldJudged], n_folds: int) -> Measured:
    truth = np.concatenate([part.truth for part in parts])
    figures = {precision: _figures(precision, parts, truth, len(chosen.labels)) for precision in PRECISIONS}
    about = (
        f"Seed {seed}, {len(parts)} of {n_folds} folds pooled: each fold's network on speakers whom it was not trained with, "
        "asked by the service's own code. 8 bits are calibrated on training speakers; what is computed in which precision was "
        "chosen on CASIA."
    )
    return Measured(
        model=chosen.name,
        question=QUESTION,
        title="Smaller files",
        command=f"python -m models.lab.precisions {chosen.name}",
        about=about,
        head=("precision", "file", "UAR, WA cold", "UAR, WA 10 heard", "other labels than fp32", "farthest probability"),
        rows=[_row(precision, figures[precision]) for precision in PRECISIONS],
        machine={"versions": {**versions(), "onnxruntime": metadata.version("onnxruntime")}},
        figures={"seed": seed, "folds": [part.name for part in parts], "precisions": figures},
    )


def _figures(precision: str, parts: Sequence[FoldJudged], truth: NDArray[np.int64], n_labels: int) -> dict[str, object]:
    """Scores in per cent, and distances from float32, of each condition; bytes in the mean."""
    told: dict[str, object] = {"bytes": round(float(np.mean([part.n_bytes[precision] for part in parts])))}
    for condition in SHOWN:
        likely, wide = (np.concatenate([part.likely[each, condition.name] for part in parts]) for each in (precision, FP32))
        matrix = metrics.confusion(truth, likely.argmax(axis=1), n_labels)
        other = likely.argmax(axis=1) != wide.argmax(axis=1)
        told[condition.name] = {
            "uar": round(metrics.uar(matrix), 2),
            "wa": round(metrics.wa(matrix), 2),
            "confusion": matrix.tolist(),
            "other_labels_percent": round(100.0 * float(other.mean()), 2),
            "largest_difference": round(float(np.abs(likely - wide).max()), 5),
        }
    return told


def _row(precision: str, figures: Mapping[str, object]) -> list[str]:
    cold, heard = (figures[each.name] for each in SHOWN)
    assert isinstance(cold, dict)
    assert isinstance(heard, dict)
    scores = [f"{each['uar']:.1f}, {each['wa']:.1f} %" for each in (cold, heard)]
    if precision == FP32:
        return [precision, _size(figures), *scores, "", ""]
    other = max(each["other_labels_percent"] for each in (cold, heard))
    farthest = max(each["largest_difference"] for each in (cold, heard))
    return [precision, _size(figures), *scores, f"{other:.1f} %", f"{farthest:.3f}"]


def _size(figures: Mapping[str, object]) -> str:
    assert isinstance(figures["bytes"], int)
    return f"{figures['bytes'] / 1000:.0f} kB"


if __name__ == "__main__":
    sys.exit(main())
