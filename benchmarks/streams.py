"""How many microphones one core carries before any message is late, what the core does then, and what batching is worth."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.batching import batched
from benchmarks.drawing import AIM, MUST, SERIES, pyplot
from benchmarks.lines import Goal, columns
from benchmarks.rounds import one_core
from benchmarks.seats import Heard, hear, spoken
from benchmarks.spread import NAMES, row, spread
from benchmarks.streams_live import in_real_time
from daemon import assembly
from models import registry

SPOKEN = {"always": 1.0, "a tenth of the time": 0.1}
WANTED = Goal(">=", 40.0, 200.0)
LATE_MS = 50.0
"""A message is late so long after the newest sample that it is of: as much as the way to a subscriber may take."""
WARM_S, PROBE_S = 20.0, 11.0
LIVE_SHARE, LIVE_S = 0.8, 15.0
"""Of what is carried, so many are heard in real time for so long."""
MOST = 1024
NEAR = 1.03
"""The search ends when what is carried and what is not are so near each other."""
TRIES = 2
"""What is late only once was the machine, not the load."""


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Speech from memory into the service's seats, on a clock that counts the core's own time."""
    cores = os.sched_getaffinity(0)
    one_core()
    model = assembly.open_model(registry.DEFAULT)
    sound, rate_hz = spoken(1.0)
    hear(model, 1, sound, rate_hz, WARM_S, np.inf)
    gc.collect()
    # as the service does once it has started
    gc.freeze()
    figures: dict[str, Any] = {"model": model.contract.name, "sha256": model.sha256, "late_ms": LATE_MS, "sound_s": PROBE_S}
    by_share = {}
    for name, share in SPOKEN.items():
        sound, rate_hz = spoken(share)

        def tried(n_seats: int, sound: Any = sound, rate_hz: int = rate_hz) -> Heard:
            return hear(model, n_seats, sound, rate_hz, 3.0 if short else PROBE_S, LATE_MS)

        by_share[name] = [_told(one) for one in (_short(tried) if short else _search(tried))]
        carried = max((one["seats"] for one in by_share[name] if not one["late"]), default=0)
        figures[f"{name}_microphones"] = carried
        figures[f"{name}_reached"] = f"{WANTED.must:g}, aim {WANTED.aim:g}: {WANTED.reached(carried)}"
    figures["tries"] = by_share
    figures["in_real_time"] = {
        name: in_real_time(
            max(1, round(LIVE_SHARE * figures[f"{name}_microphones"])), *spoken(share), 4.0 if short else LIVE_S, cores
        )
        for name, share in SPOKEN.items()
    }
    figures["batching"] = batched(registry.load(registry.DEFAULT), 5 if short else 200)
    gc.unfreeze()
    if plot is not None:
        _draw(plot, figures)
    return figures


def _short(tried: Any) -> list[Heard]:
    return [tried(1), tried(4)]


def _search(tried: Any) -> list[Heard]:
    """By bisection, from what a few seats cost: the most of which no message is late, and the least of which one is."""
    few = tried(8)
    found = [few]
    guess = min(MOST, max(9, round(8 * 90.0 / few.core_percent)))
    below, above = 8, None
    while above is None or above > below * NEAR + 1:
        for _ in range(TRIES):
            one = tried(guess)
            if not _is_late(one):
                break
        found.append(one)
        if _is_late(one):
            above = guess
        else:
            below = guess
        if below >= MOST:
            break
        guess = min(MOST, round(below * 1.2)) if above is None else max(below + 1, (below + above) // 2)
    return found


def _is_late(heard: Heard) -> bool:
    return bool(len(heard.late_ms) and heard.late_ms.max() > LATE_MS)


def _told(heard: Heard) -> dict[str, Any]:
    return {
        "seats": heard.n_seats,
        "late": _is_late(heard),
        "percent_of_a_core": heard.core_percent,
        "percent_of_a_core_a_seat": round(heard.core_percent / heard.n_seats, 3),
        "utterances": heard.n_utterances,
        "answers_a_question": round(heard.n_answers / max(1, heard.n_questions), 2),
        "message_ms": spread(heard.late_ms),
    }


def table(figures: dict[str, Any]) -> str:
    """What was tried, and what batching gives."""
    heads = ("seats", "% of the core", "% a seat", "answers a question", "late", *(f"{name}" for name in NAMES))
    parts = []
    for name in SPOKEN:
        rows = [
            (
                str(one["seats"]),
                f"{one['percent_of_a_core']:g}",
                f"{one['percent_of_a_core_a_seat']:g}",
                f"{one['answers_a_question']:g}",
                "LATE" if one["late"] else "no",
                *row("", one["message_ms"])[1:],
            )
            for one in sorted(figures["tries"][name], key=lambda one: one["seats"])
        ]
        carried = f"{figures[f'{name}_microphones']} microphones, wanted {figures[f'{name}_reached']}"
        live = figures["in_real_time"][name]
        live_ms = ", ".join(f"{which} {live['utterance_ms'][which]:g}" for which in NAMES if which in live["utterance_ms"])
        parts.append(
            f"somebody speaks {name}: {carried}\n{columns(heads, rows)}\n"
            f"in real time, `affectd run` with {live['seats']} recordings on one core: {live['percent_of_a_core']:g} % of it;\n"
            f"utterances committed after their hang-over, ms: {live_ms}"
        )
    batching = [
        (str(one["batch"]), f"{one['apart_us']:.0f}", f"{one['together_us']:.0f}", f"{one['times']:.2f}")
        for one in figures["batching"]
    ]
    parts.append(columns(("utterances", "one by one, us each", "in one run, us each", "times cheaper"), batching))
    parts.append(
        f"ms from the newest sample that a message is of to its commit; late is more than {figures['late_ms']:g}. Time is the\n"
        "core's own, and what nobody needed is leapt over: seats, loop, model, outbox and delivery are those that ship; the\n"
        "sound lies in memory, and the processes that capture it are not in the figures (see endtoend)."
    )
    return "\n\n".join(parts)


def _draw(path: Path, figures: dict[str, Any]) -> None:
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for name, colour in zip(SPOKEN, SERIES):
        tries = sorted(figures["tries"][name], key=lambda one: one["seats"])
        kept = [one for one in tries if one["percent_of_a_core"] < 100.0]
        axes.plot(
            [one["seats"] for one in kept],
            [one["percent_of_a_core"] for one in kept],
            marker="o",
            color=colour,
            label=f"somebody speaks {name}",
        )
        carried = figures[f"{name}_microphones"]
        axes.axvline(carried, color=colour, linestyle=":", linewidth=1.5)
        axes.text(carried, 3, f" {carried}", color=colour, fontsize=11, ha="left")
    for at, colour, what in ((WANTED.must, MUST, "wanted"), (WANTED.aim, AIM, "aim")):
        axes.axvline(at, color=colour, linewidth=2, label=f"{what}: {at:g}")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 105)
    axes.set_xlabel("microphones")
    axes.set_ylabel("% of one core")
    axes.set_title(
        f"Microphones on one core; dotted: the most of which no message is {figures['late_ms']:g} ms late",
        loc="left",
        fontsize=11,
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
