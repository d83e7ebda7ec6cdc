"""The pictures of the report that follow from results and from what is known of the corpora; no sound is needed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from models.lab.at_hand import Scores
from models.lab.corpora import CORPORA, VIEWS, Corpus, View
from models.lab.report import describe
from models.lab.results import Result

DPI = 100
N_COLOURS = 256
"""Of a picture's palette: a spectrogram in true colours takes several times the room."""
GREY = "#999999"
BLUE, ORANGE = "#0072B2", "#D55E00"
"""Two of Okabe and Ito's, which the colour-blind can tell apart."""


def new_figure(width: float, height: float) -> Figure:
    """In inches; to be drawn on and given to `save`."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure


def save(figure: Figure, path: Path) -> None:
    """As PNG, the same bytes for the same picture: no date, no version, a palette."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    # by coverage: the commonest colours alone would lose the few bright ones of a spectrogram
    image = Image.open(drawn).convert("RGB").quantize(N_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG", optimize=True)


def defaults() -> Any:
    """A context in which nobody's own matplotlibrc changes a picture."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", "font.size": 9.0})


def draw_confusion(name: str, shown: Sequence[Scores], path: Path) -> None:
    """One matrix a protocol, side by side."""
    n_labels = len(shown[0].recipe.labels)
    side = 1.6 + 0.52 * n_labels
    with defaults():
        figure = new_figure(side * len(shown), side)
        figure.suptitle(name, fontweight="bold")
        for axes, scores in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown):
            axes.set_title(describe(scores), fontsize=9)
            _matrix(axes, scores.matrix, scores.recipe.labels)
        save(figure, path)


def _matrix(axes: Axes, counts: NDArray[np.int64], labels: Sequence[str]) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    for (row, column), value in np.ndenumerate(share):
        colour = GREY if value == 0.0 else "white" if value > 0.55 else "black"
        says = f"{100.0 * value:.0f} %\n{counts[row, column]}" if value else "0"
        axes.text(column, row, says, ha="center", va="center", color=colour, fontsize=8, linespacing=1.1)


def draw_curves(name: str, of_recipe: Sequence[Scores], path: Path) -> None:
    """The losses of each run that holds them: one panel a protocol, one thin line a run."""
    shown = [(scores, [result for result in scores.results if result.losses]) for scores in of_recipe]
    shown = [(scores, runs) for scores, runs in shown if runs]
    with defaults():
        figure = new_figure(max(6.0, 4.5 * len(shown)), 3.6)
        figure.suptitle(name, fontweight="bold")
        for axes, (scores, runs) in zip(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)), shown):
            axes.set_title(f"{scores.protocol}, {len(runs)} run{'s' if len(runs) > 1 else ''}", fontsize=9)
            _curves(axes, runs)
        # only now: a limit ends the scaling of all panels that share it
        axes.set_ylim(bottom=0.0)
        save(figure, path)


def _curves(axes: Axes, runs: Sequence[Result]) -> None:
    kinds = (
        ("training", [run.losses for run in runs], BLUE, "-"),
        ("validation", [run.validation_losses for run in runs if run.validation_losses], ORANGE, "--"),
    )
    for says, curves, colour, dashes in kinds:
        for k, losses in enumerate(curves):
            label = says if k == 0 else None
            epochs = range(1, len(losses) + 1)
            axes.plot(epochs, losses, dashes, color=colour, linewidth=1.0, alpha=0.7, label=label)
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean loss")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def draw_classes(path: Path, n_columns: int = 4) -> None:
    """How many utterances of each label every corpus and view has."""
    sources: list[Corpus | View] = [*CORPORA.values(), *VIEWS.values()]
    n_rows = -(-len(sources) // n_columns)
    with defaults():
        figure = new_figure(2.9 * n_columns, 2.3 * n_rows)
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, source in zip(panels, sources):
            counts = source.n_by_label
            axes.set_title(f"{source.name}: {sum(counts.values())}", fontsize=9)
            bars = axes.barh(list(counts), list(counts.values()), color=BLUE)
            axes.bar_label(bars, padding=2, fontsize=8)
            axes.set_xlim(0, 1.25 * max(counts.values()))
            axes.set_xticks([])
            axes.invert_yaxis()
            axes.spines[["top", "right", "bottom"]].set_visible(False)
        for axes in panels[len(sources) :]:
            axes.set_axis_off()
        save(figure, path)
