"""The comparison as a picture: a bar a side, its median; a whisker to the 99th percentile; what was wanted as a mark."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.drawing import AIM, MUST, OTHER, OURS, pyplot
from benchmarks.lines import Line

TITLE = "What the front end costs: median time on one core, whisker to the 99th percentile"
FEW_US, MANY_US = 1e3, 1e6
COLUMNS = (1.08, 1.15, 1.157, 1.3, 1.48)
"""Where the figures stand, in widths of the axes."""
ALIGNED = dict(zip(COLUMNS, ("right", "right", "left", "left", "left")))


def draw(path: Path, lines: list[Line], title: str = TITLE) -> None:
    """Bars of all lines, grouped by question, on one logarithmic axis; the figures beside them."""
    plt = pyplot()
    n_questions = len({line.question for line in lines})
    figure, axes = plt.subplots(figsize=(10.5, 0.26 * (len(lines) + 1.5 * n_questions) + 1.2))
    y, ticks, names = 0.0, [], []
    for question, group in groupby(lines, key=lambda line: line.question):
        y += 1.5
        axes.text(0.0, y - 0.8, question, transform=axes.get_yaxis_transform(), fontsize=9.5, fontweight="bold", va="center")
        rows = [(y + k, line) for k, line in enumerate(group)]
        for at, line in rows:
            _bar(axes, at, line)
            _marks(axes, at if line.ours else rows[0][0], line)
            ticks.append(at)
            names.append(line.side)
        y += len(rows)
    axes.set_yticks(ticks, names, fontsize=9)
    axes.set_ylim(y - 0.3, -0.3)
    _dress(axes, lines, title)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def _dress(axes: Any, lines: list[Line], title: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter

    axes.set_xscale("log")
    shortest = min(min(line.p50_us, line.aim_us or line.p50_us) for line in lines)
    axes.set_xlim(left=shortest / 2, right=2 * max(max(line.p99_us, line.must_us or 0.0) for line in lines))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda us, _: _said(us)))
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=12)
    for at, head in zip(COLUMNS, ("median", "", "compared", "wanted", "reached")):
        axes.text(at, 0.0, head, transform=axes.get_yaxis_transform(), fontsize=9, va="center", ha=ALIGNED[at], color="#555555")
    goals = [
        Line2D([], [], color=colour, linewidth=2.5, label=name) for colour, name in ((MUST, "wanted of ours"), (AIM, "aim"))
    ]
    bars = [Patch(color=OURS, label="affectd"), Patch(color=OTHER, label="what it is compared with")]
    axes.legend(
        handles=bars + goals,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.35 / axes.figure.get_figheight()),
        ncols=4,
        frameon=False,
    )


def _bar(axes: Any, y: float, line: Line) -> None:
    axes.barh(y, line.p50_us, height=0.75, color=OURS if line.ours else OTHER)
    axes.plot((line.p50_us, line.p99_us), (y, y), color="black", linewidth=1.2)
    axes.plot(line.p99_us, y, marker="|", color="black", markersize=8)
    cells = (
        _said(line.p50_us),
        "" if line.value is None else f"{line.value:.3g}",
        line.unit,
        _with_signs(f"{line.must}, aim {line.aim}" if line.aim else line.must),
        line.reached,
    )
    for at, text in zip(COLUMNS, cells):
        axes.text(at, y, text, transform=axes.get_yaxis_transform(), fontsize=9, va="center", ha=ALIGNED[at])


def _marks(axes: Any, y: float, line: Line) -> None:
    """What ours was to come to, across its bar."""
    for us, colour in ((line.must_us, MUST), (line.aim_us, AIM)):
        if us is not None:
            axes.plot((us, us), (y - 0.47, y + 0.47), color=colour, linewidth=2.5)


def _with_signs(text: str) -> str:
    return text.replace(">=", "≥").replace("<=", "≤")


def _said(us: float) -> str:
    rounded = float(f"{us:.3g}")
    if rounded >= MANY_US:
        return f"{rounded / MANY_US:g} s"
    return f"{rounded / FEW_US:g} ms" if rounded >= FEW_US else f"{rounded:g} µs"
