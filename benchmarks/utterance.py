"""From the samples of a sentence in memory to its label, by model, beside librosa and PyTorch: paper 1's table 4."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.lines import Goal, Line, compared, side, valued
from benchmarks.lines import table as table_of_lines
from benchmarks.rounds import Rounds, alternate, one_core
from benchmarks.spread import spread
from benchmarks.utterance_stack import stack
from daemon.demo.demo import RECORDING
from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.window import utterance_windows
from models import registry
from models.contract import Contract
from models.registry import Artefact
from models.runtime import EmotionModel, open_model
from models.streaming import StreamModel

F32 = NDArray[np.float32]
Judge = Callable[[F32], NDArray[np.float64]]
"""Samples to probabilities: (n_labels,)."""

CL, STACK = "cl-emodb", "librosa and PyTorch, CL"
CL_8_BITS = f"{CL}, 8 bits"
STREAMS = ("affectnet", "affectnet-free")
CORPORA = ("CASIA", "EMO-DB")
N_SENTENCES, N_TIMES = 120, 2
PAPER = {"a desktop": 57.0, "the Jetson Xavier NX": 48.0}
"""Milliseconds a sentence, paper 1, table 4."""
CL_MS, AFFECTNET_MS, FASTER = Goal("<=", 3.0), Goal("<=", 3.0, 1.0), Goal(">=", 4.0, 10.0)
MOST_DIFFERENCE = 0.01


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Each sentence by every side in turn, on one core; the labels of both sides of CL are compared first."""
    if find_spec("onnx") is None:
        raise SystemExit("utterance needs the lab's extra: pip install -e .[lab], with Python 3.10 or newer")
    one_core()
    artefact, material = registry.load(CL), _material(short)
    streams = {name: open_model(name) for name in STREAMS}
    models = {CL: open_model(CL), CL_8_BITS: EmotionModel(_in_8_bits(artefact, short, material)), **streams}
    by_stack = stack(artefact, EmotionModel(artefact).contract)
    judges = {name: judge(each) for name, each in models.items()}
    judges[STACK] = lambda samples: np.asarray(by_stack(samples).mean(axis=0))
    lines: list[Line] = []
    percentiles: dict[str, dict[str, float]] = {}
    figures: dict[str, Any] = {"sha256": {name: each.sha256 for name, each in models.items()}, "paper_ms": PAPER}
    for corpus, sentences in material.items():
        difference, agree = _compared(judges, STACK, sentences)
        assert difference < MOST_DIFFERENCE, f"the two sides do not do the same: {difference}"
        rounds = _timed(judges, sentences, 1 if short else N_TIMES)
        question = f"{len(sentences)} sentences of {corpus}, {np.mean([len(one) for one in sentences]) / 16000:.1f} s each"
        lines += _lines(question, rounds)
        percentiles.update({f"{corpus}, {name}": spread(ns / 1e6) for name, ns in rounds.items()})
        figures[f"{corpus}, largest difference of the stack"] = difference
        figures[f"{corpus}, same label as the stack"] = agree
        difference, agree = _compared(judges, CL_8_BITS, sentences)
        figures[f"{corpus}, largest difference of 8 bits"] = difference
        figures[f"{corpus}, same label in 8 bits"] = agree
    if plot is not None:
        from benchmarks.frontend_bars import draw

        draw(plot, lines, "A sentence, from samples to label: median time on one core, whisker to the 99th percentile")
    return {**figures, "lines": [asdict(line) for line in lines], "ms": percentiles}


def _material(short: bool) -> dict[str, Sequence[F32]]:
    """By corpus. In short, or where there is none: the bundled recording, cut in pieces of 3 s."""
    if short:
        samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
        return {"the bundled recording": [samples[at : at + 3 * rate_hz] for at in range(0, 12 * rate_hz, 3 * rate_hz)]}
    from models.lab import corpora

    root = corpora.corpora_root()
    found: dict[str, Sequence[F32]] = {}
    for corpus in (corpora.CASIA, corpora.EMODB):
        utterances = corpora.find(corpus, root)
        chosen = np.random.default_rng(0).choice(len(utterances), N_SENTENCES, replace=False)
        found[corpus.name] = [float32_from_int16(corpora.read_pcm(utterances[k].path, 16000)) for k in sorted(chosen)]
    return found


def _in_8_bits(artefact: Artefact, short: bool, material: Mapping[str, Sequence[F32]]) -> Artefact:
    """As `affectd-lab export` makes it, calibrated by its corpus; in short by what is heard here, for the time alone."""
    from models.lab import quantise_windows, recipe
    from models.lab.precisions import some_windows

    model = EmotionModel(artefact)
    if short:
        windows = np.concatenate([_windows(samples, model.contract) for samples in next(iter(material.values()))])
    else:
        windows = some_windows(recipe.load(CL))
    content = quantise_windows.int8(artefact.content, windows)
    return Artefact(CL_8_BITS, artefact.path, hashlib.sha256(content).hexdigest(), content)


def _windows(samples: F32, contract: Contract) -> F32:
    frames = feature_frames(samples, contract.front_end)
    return utterance_windows(frames, contract.front_end, contract.window_frames, contract.stride_frames)


def judge(model: EmotionModel | StreamModel) -> Judge:
    """As the service judges: a stream's answer is of the whole utterance, that of windows their mean."""
    contract = model.contract
    if isinstance(model, StreamModel):
        stream = model
        return lambda samples: stream.answer([stream.begin().push(feature_frames(samples, contract.front_end))])[0]
    of_windows = model
    return lambda samples: np.asarray(of_windows.predict(_windows(samples, contract)).mean(axis=0))


def _compared(judges: Mapping[str, Judge], name: str, sentences: Sequence[F32]) -> tuple[float, str]:
    """The largest difference between probabilities of CL as it ships and by `name`, and how often both say the same label."""
    ours, others = (np.stack([judges[each](samples) for samples in sentences]) for each in (CL, name))
    n_same = int((ours.argmax(axis=1) == others.argmax(axis=1)).sum())
    return float(np.abs(ours - others).max()), f"{n_same} of {len(sentences)}"


def _timed(judges: Mapping[str, Judge], sentences: Sequence[F32], n_times: int) -> Rounds:
    # a sentence by all sides, there and back, before the next
    sides = {
        name: lambda i, judged=judged: judged(sentences[i // 2 % len(sentences)]).argmax() for name, judged in judges.items()
    }
    alternate(sides, 4)
    return alternate(sides, 2 * n_times * len(sentences))


def _lines(question: str, rounds: Rounds) -> list[Line]:
    told = []
    for name, ns in rounds.items():
        line = side(question, name, ns, ours=name != STACK)
        if name == STACK:
            told.append(compared(line, ns, rounds[CL], "x the time of CL", FASTER))
            told.append(compared(line, ns, rounds[CL_8_BITS], "x the time of 8 bits", FASTER))
        else:
            goal = AFFECTNET_MS if name in STREAMS else CL_MS
            told.append(valued(line, line.p50_us / 1e3, "ms", goal, us_a_unit=1e3))
    return told


def table(figures: dict[str, Any]) -> str:
    """The lines, the percentiles, and the paper's figures."""
    told = "\n".join(
        f"{name}: {', '.join(f'{rank} {ms:g}' for rank, ms in each.items())}" for name, each in figures["ms"].items()
    )
    compared_with = "\n".join(f"{name}: {value}" for name, value in figures.items() if "stack" in name or "8 bits" in name)
    paper = ", ".join(f"{ms:g} ms on {machine}" for machine, ms in figures["paper_ms"].items())
    return (
        f"{table_of_lines(figures['lines'])}\n\nms\n{told}\n\n{compared_with}\nThe paper: {paper}, all of its sentences alike."
    )
