"""A picture of what a confidence is worth: how often it was right, before and after a temperature, and what silence buys."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

from matplotlib.axes import Axes

from models.lab.calibration import Probabilities, Truth, coverage, expected_calibration_error, reliability
from models.lab.pictures import BLUE, GREY, ORANGE, defaults, new_figure, save

N_BINS = 10
"""Fewer than for the error: each is to hold enough answers that its bar stands for something."""
LABEL_EVERY = 0.1
"""Of the answers, between two thresholds that are written beside their points."""
_COLOURS = (ORANGE, BLUE)


def draw_calibration(name: str, shown: Mapping[str, Probabilities], truth: Truth, path: Path) -> None:
    """Reliability and coverage. `shown`: one or two probabilities (n, n_labels) of the same answers by what to call them.

    The last is what ships: the number of answers in each bin, and the coverage, are its.
    """
    ships = list(shown.values())[-1]
    with defaults():
        figure = new_figure(9.0, 4.2)
        figure.suptitle(name, fontweight="bold")
        left, right = figure.subplots(1, 2)
        for (says, probabilities), colour in zip(shown.items(), _COLOURS[-len(shown) :]):
            off = 100.0 * expected_calibration_error(probabilities, truth)
            _reliability(left, probabilities, truth, colour, f"{says}: off by {off:.1f} points")
        _counts(left, ships, truth)
        _coverage(right, ships, truth)
        save(figure, path)


def _reliability(axes: Axes, probabilities: Probabilities, truth: Truth, colour: str, says: str) -> None:
    bins = [each for each in reliability(probabilities, truth, N_BINS) if each.n]
    places = [100.0 * each.confidence for each in bins]
    axes.plot(places, [100.0 * each.accuracy for each in bins], "o-", color=colour, markersize=4, linewidth=1.2, label=says)


def _counts(axes: Axes, probabilities: Probabilities, truth: Truth) -> None:
    """How many answers each bin holds, as bars along the bottom, and the line of an honest confidence."""
    bins = reliability(probabilities, truth, N_BINS)
    most = max(each.n for each in bins)
    for each in bins:
        middle, height = 50.0 * (each.low + each.high), 14.0 * each.n / most
        axes.bar(middle, height, 92.0 / N_BINS, color=GREY, alpha=0.35, zorder=0)
        if each.n:
            axes.text(middle, height + 0.8, str(each.n), ha="center", va="bottom", fontsize=7, color="#555555")
    axes.plot([0.0, 100.0], [0.0, 100.0], "--", color=GREY, linewidth=1.0, label="as it should be")
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(0.0, 100.0)
    axes.set_aspect("equal")
    axes.set_xlabel("confidence, %; bars: how many answers")
    axes.set_ylabel("right, %")
    axes.set_title("how often a confidence is right", fontsize=9)
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def _coverage(axes: Axes, probabilities: Probabilities, truth: Truth) -> None:
    rows = coverage(probabilities, truth)
    n_labels = rows[0].n_labels
    # where a label is gone the UAR is of the rest: it would go up for that alone
    whole = [row for row in rows if row.n_labels == n_labels]
    axes.plot([100.0 * row.share for row in whole], [row.uar for row in whole], "o-", color=BLUE, markersize=3, label="UAR")
    axes.plot([100.0 * row.share for row in rows], [row.wa for row in rows], "s--", color=ORANGE, markersize=3, label="WA")
    told = 1.0
    for row in rows:
        if told - row.share >= LABEL_EVERY:
            at, told = (100.0 * row.share, row.wa), row.share
            axes.annotate(f"{row.threshold:g}", at, (6, -10), textcoords="offset points", fontsize=7, color="#555555")
    axes.set_xlim(100.0, 0.0)
    axes.set_xlabel("answered, %; at each point the least confidence that is")
    axes.set_ylabel("of the answered, %")
    axes.set_title("what silence buys", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
