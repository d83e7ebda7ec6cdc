"""A picture of what AffectNet's branches are worth on speakers of no row, by the share of the one over log-mel."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
from matplotlib.axes import Axes

from models.lab.measured import Measured
from models.lab.pictures import GREY, defaults, new_figure, save
from models.lab.shares import SHARES, everybody, means, whose

_COLOURS = ("#009E73", "#D55E00", "#0072B2")
"""Three of Okabe and Ito's, one a condition."""


def draw_shares(found: Sequence[Measured], path: Path) -> None:
    """One panel a model: the mean over its speakers as a thick line a condition, each speaker as a thin one."""
    with defaults():
        figure = new_figure(4.2 * len(found), 3.6)
        for axes, each in zip(np.atleast_1d(figure.subplots(1, len(found))), found):
            _panel(axes, each)
        save(figure, path)


def _panel(axes: Axes, found: Measured) -> None:
    speakers = everybody(found)
    axes.set_title(f"{found.model}: {whose(found)}", fontsize=9)
    axes.axvline(float(found.figures["share"]), color=GREY, linestyle="--", linewidth=1.0, label="as it ships")
    for (condition, mean), colour in zip(means(speakers).items(), _COLOURS):
        for uars in speakers:
            axes.plot(SHARES, uars[condition], color=colour, linewidth=0.6, alpha=0.35)
        axes.plot(SHARES, mean, "o-", color=colour, linewidth=1.8, markersize=3, label=condition)
    axes.set_xlabel("share of the branch over log-mel")
    axes.set_ylabel("UAR, %")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
