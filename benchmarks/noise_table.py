"""What `noise` found, as a table: one row a place."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from benchmarks.lines import Goal

Figures = Mapping[str, Any]

WITHOUT_NOISE = {"affectnet-free": "affectnet-emodb"}
"""A recipe, and the same trained on clean speech alone."""
MAY_LOSE = {"10 dB": Goal("<=", 4.0, 2.0), "5 dB": Goal("<=", 9.0, 4.0), "0 dB": Goal("<=", 14.0, 8.0)}
"""Points of UAR, cold and by the gate, to the same without noise."""
MAY_COST = Goal("<=", 1.0, 0.0)
"""Points that learning from noise may take off clean speech."""
BOUNDS, GATE = "bounds known", "by the gate"
"""Who says where the speech is."""

HEAD = (
    "where",
    "missed",
    "in several",
    "speech kept",
    "no speech",
    *(f"{condition}, {bounds}" for condition in ("cold", "10 heard") for bounds in (BOUNDS, GATE)),
    "lost",
    "of it by the gate",
    "may lose (aim)",
)


def rows(figures: Figures) -> list[list[str]]:
    """One a place; then what learning from noise takes off clean speech, where that is known."""
    places = figures["places"]
    found = []
    for name, told in places.items():
        gate = [f"{told['gate'][each]:.1f} %" for each in ("missed", "several", "kept", "no speech")]
        uars = [_spread(told["uar"][condition][bounds]) for condition in ("cold", "10 heard") for bounds in (BOUNDS, GATE)]
        lost = _cold(places["clean"], GATE) - _cold(told, GATE)
        by_gate = _cold(told, BOUNDS) - _cold(told, GATE)
        judged = [f"{lost:.1f}", f"{by_gate:.1f}", _reached(MAY_LOSE.get(name), lost)]
        judged = ["-"] * len(judged) if name == "clean" else judged
        found.append([name, *gate, *uars, *judged])
    without = figures["trained without noise"]
    if without:
        costs = float(np.mean(without)) - _cold(places["clean"], BOUNDS)
        name = f"clean, `{WITHOUT_NOISE[figures['recipe']]}`, which learns without noise"
        found.append([name, *["-"] * 4, _spread(without), *["-"] * 3, f"{costs:.1f}", "-", _reached(MAY_COST, costs)])
    return found


def _cold(told: Figures, bounds: str) -> float:
    return float(np.mean(told["uar"]["cold"][bounds]))


def _spread(uars: Sequence[float]) -> str:
    deviation = f" ± {np.std(uars, ddof=1):.1f}" if len(uars) > 1 else ""
    return f"{np.mean(uars):.1f}{deviation}"


def _reached(goal: Goal | None, lost: float) -> str:
    return "-" if goal is None else f"{goal.must:g} ({goal.aim:g}): {goal.reached(lost)}"


def table(figures: Figures) -> str:
    """In Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *rows(figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
