"""Paper 1's tables 4 and 5 on the board: recognition there against the desktop, ms and joules an utterance, by power mode.

On the desktop, where the corpora are: `python -m benchmarks device --material DIR` makes DIR, and writes what the desktop says
into it. On the board, with a copy of DIR: `sudo python3 -m benchmarks device --material DIR --modes all --json board.json`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from benchmarks import machine
from benchmarks.device_material import Sentence, material
from benchmarks.device_power import Drawn, drawing, modes, set_mode
from benchmarks.lines import columns
from benchmarks.spread import NAMES, row, spread
from benchmarks.utterance import judge
from daemon.power.choice import choose
from dsp.frontend import warm_up
from models import registry
from models.providers import CPU, WISHES, Wish
from models.runtime import open_model

MODELS = ("affectnet", "affectnet-free", "cl-emodb")
LEAST_S, SHORT_S = 15.0, 2.0
"""Each model is asked for so long at least: power is read a few times a second at most."""
IDLE_S, SHORT_IDLE_S = 10.0, 2.0
READ_EVERY_S = 0.5
DESKTOP = "desktop.json"
PAPER: Mapping[str, Mapping[str, Any]] = {
    "table 4, s a sentence of 120": {"desktop": 0.057, "Jetson Xavier NX": 0.048},
    "table 5, recognised": {"desktop": "81.6 %", "Jetson Xavier NX": "79.2 %"},
}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "material": {
        "type": Path,
        "metavar": "DIR",
        "help": "device: sentences, and what the desktop says of them; made if missing",
    },
    "modes": {"metavar": "N,N", "help": "device: numbers of nvpmodel's modes, or all; default: the one that is set"},
    "provider": {"choices": WISHES, "default": CPU, "help": "device: what the models run on (default cpu)"},
}


def measure(short: bool, plot: Path | None, material: Path | None, modes: str | None, provider: str) -> dict[str, Any]:
    """By power mode and model; the mode that was set is set again in the end."""
    if plot is not None:
        raise SystemExit("device draws nothing: leave --plot away")
    return _measured(short, material, modes, provider)


def _measured(short: bool, folder: Path | None, wanted: str | None, provider: str) -> dict[str, Any]:
    sentences = material(folder, short)
    before = machine.power_mode()
    by_mode = {}
    try:
        for number, name in modes(wanted):
            if number is not None:
                set_mode(number)
            by_mode[name or before] = _by_model(sentences, short, provider)
    finally:
        for number, name in modes("all"):
            if name == before and number is not None and wanted:
                set_mode(number)
    figures: dict[str, Any] = {
        "sha256": {name: registry.load(name).sha256 for name in MODELS},
        "provider_asked": provider,
        "sentences": len(sentences),
        "labels_known": all(one.label for one in sentences),
        "modes": by_mode,
        "paper": PAPER,
    }
    if folder is not None:
        against_the_desktop(figures, folder / DESKTOP)
    return figures


def _by_model(sentences: list[Sentence], short: bool, provider: str) -> dict[str, Any]:
    source = choose("auto", READ_EVERY_S)
    try:
        idle = drawing(source, SHORT_IDLE_S if short else IDLE_S)
        found: dict[str, Any] = {"idle": idle.told()}
        for name in MODELS:
            found[name] = _asked(name, sentences, SHORT_S if short else LEAST_S, provider, source, idle)
    finally:
        source.close()
    return found


def _asked(name: str, sentences: list[Sentence], least_s: float, provider: str, source: Any, idle: Drawn) -> dict[str, Any]:
    """Every sentence, again and again, until there was time to measure what is drawn."""
    model = open_model(name, Wish(provider))
    warm_up(model.contract.front_end)
    asked = judge(model)
    asked(sentences[0].samples)
    took_ms: list[float] = []
    said: list[str] = []

    def work() -> None:
        began_s = time.monotonic()
        while len(took_ms) < len(sentences) or time.monotonic() - began_s < least_s:
            sentence = sentences[len(took_ms) % len(sentences)]
            asked_s = time.perf_counter()
            label = model.contract.labels[int(np.argmax(asked(sentence.samples)))]
            took_ms.append((time.perf_counter() - asked_s) * 1e3)
            if len(said) < len(sentences):
                said.append(label)

    drawn = drawing(source, work)
    n = len(took_ms)
    each_j = drawn.joules(drawn.seconds / n)
    idle_j = idle.joules(drawn.seconds / n)
    return {
        "provider": model.inference.as_dict(),
        "ms": spread(took_ms),
        "s_of_120": round(120.0 * float(np.mean(took_ms)) / 1e3, 3),
        "joules_an_utterance": each_j,
        "joules_an_utterance_above_idle": None if each_j is None or idle_j is None else round(each_j - idle_j, 5),
        "drawn": drawn.told(),
        "said": said,
        **right(sentences, said),
    }


def right(sentences: list[Sentence], said: list[str]) -> dict[str, Any]:
    """How many were recognised, in all and by label; nothing where it is not known what is right."""
    if not all(one.label for one in sentences):
        return {}
    by_label: dict[str, list[bool]] = {}
    for one, label in zip(sentences, said):
        by_label.setdefault(one.label, []).append(one.label == label)
    hits = [hit for each in by_label.values() for hit in each]
    return {
        "recognised_percent": round(100.0 * float(np.mean(hits)), 1),
        "recognised": {label: f"{sum(each)}/{len(each)}" for label, each in sorted(by_label.items())},
    }


def against_the_desktop(figures: dict[str, Any], reference: Path) -> None:
    """Compares with what is written there; where nothing is, this is the desktop, and writes it."""
    if not reference.exists():
        told = {"machine": machine.facts(), "modes": figures["modes"]}
        reference.write_text(json.dumps(told, indent=1) + "\n")
        figures["desktop"] = "this machine"
        return
    desktop = json.loads(reference.read_text())
    theirs = next(iter(desktop["modes"].values()))
    figures["desktop"] = machine.line(desktop["machine"])
    for ours in figures["modes"].values():
        for name in MODELS:
            pairs = list(zip(ours[name]["said"], theirs[name]["said"]))
            same = sum(one == other for one, other in pairs)
            ours[name]["same_label_as_desktop"] = f"{same} of {len(pairs)}"
            ours[name]["desktop_ms_p50"] = theirs[name]["ms"]["p50"]
            ours[name]["desktop_recognised_percent"] = theirs[name].get("recognised_percent")


def table(figures: dict[str, Any]) -> str:
    """By mode and model, and the paper's own."""
    heads = ("", *NAMES, "120 sentences, s", "J each", "above idle", "recognised", "desktop", "same label")
    rows: list[tuple[str, ...]] = []
    for mode, found in figures["modes"].items():
        rows.append((f"{mode}; at rest {found['idle']['mean_w'] or '-'} W", *("" for _ in heads[1:])))
        for name in MODELS:
            one = found[name]
            rows.append(
                (
                    *row(f"  {name}, ms", one["ms"]),
                    f"{one['s_of_120']:g}",
                    _or_dash(one["joules_an_utterance"]),
                    _or_dash(one["joules_an_utterance_above_idle"]),
                    _or_dash(one.get("recognised_percent"), " %"),
                    _or_dash(one.get("desktop_recognised_percent"), " %"),
                    one.get("same_label_as_desktop", "-"),
                )
            )
    idle = next(iter(figures["modes"].values()))["idle"]
    joules = f"no joules: {idle['trouble']}" if idle["trouble"] else f"joules: {idle['total_of']}"
    named = {what: ", ".join(f"{name} {value}" for name, value in each.items()) for what, each in PAPER.items()}
    paper = "; ".join(f"{what}: {each}" for what, each in named.items())
    return (
        f"{columns(heads, rows)}\n\n{joules}\n"
        f"paper 1: {paper}\n"
        "The models were trained on EMO-DB, all of it: what is recognised of it shows whether the board says\n"
        "what the desktop says, and not how well a stranger's mood is told."
    )


def _or_dash(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
