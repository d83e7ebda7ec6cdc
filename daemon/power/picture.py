"""A trace as a picture: power, temperature and latency over time. Alone here Matplotlib is loaded, for a report."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.errors import SettingsError
from daemon.power.report import Figures, span_of
from daemon.power.snapshot import MEASURED
from daemon.power.trace import Trace

MOST_POINTS = 1000
"""Of a line."""
FEW_POINTS = 60
Column = NDArray[np.float64]
WIDTH_IN, HEIGHT_IN, DPI = 11.0, 8.5, 110
TOTAL, PARTS = "#1f4e79", ("#2a9d8f", "#e9a23b", "#8e6bbf", "#d1495b", "#6c757d", "#4f772d")
AWAY_COLOUR, THROTTLED = "#b0b0b0", "#c1121f"
LATENCIES = (("utterance", "p50"), ("utterance", "p99"), ("inference", "p50"), ("inference", "p99"))


def draw(trace: Trace, figures: Figures, path: Path) -> None:
    """Writes a PNG. Raises SettingsError without Matplotlib, or where it cannot be written."""
    try:
        picture = picture_of(trace, figures)
    except ImportError as trouble:
        raise SettingsError(f"--plot needs Matplotlib ({trouble}); type: pip install matplotlib") from trouble
    try:
        picture.savefig(path, format="png")
    except OSError as trouble:
        raise SettingsError(f"--plot {path}: cannot be written: {trouble.strerror}") from trouble


def picture_of(trace: Trace, figures: Figures) -> Any:
    """Matplotlib's Figure: three panels over one time. Raises ImportError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # no pyplot: it keeps its figures, and looks for a screen
    picture = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
    FigureCanvasAgg(picture)
    power, temperature, latency = picture.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": (3, 2, 2)})
    picture.suptitle(_title(figures), x=0.01, ha="left", fontsize=10)
    _draw_power(power, trace, figures)
    _draw_temperature(temperature, trace)
    _draw_latency(latency, trace)
    _dress(picture, trace)
    return picture


def _title(one: Figures) -> str:
    parts = [f"{one.began_at[:10]}, {span_of(one.duration_s)}"]
    if one.energy_j is not None and one.mean_w is not None:
        parts += [f"{one.energy_j / 3600.0:.2f} Wh", f"mean {one.mean_w:.2f} W", f"{one.joules_an_hour:.0f} J an hour"]
    if one.joules_an_utterance is not None:
        parts.append(f"{one.joules_an_utterance:.1f} J an utterance")
    if one.modes:
        parts.append(", ".join(list(one.modes)[:2]))
    return "   ".join(parts)


def _draw_power(axes: Any, trace: Trace, figures: Figures) -> None:
    axes.set_ylabel("power, W")
    if figures.max_w is None:
        axes.set_ylabel("CPU use, %")
        axes.set_title("no power source: the use of the CPU instead", loc="left", fontsize=9)
        _line(axes, trace, "cpu_percent", "CPU use", TOTAL, 1.2)
    else:
        _line(axes, trace, "total_w", f"total ({', '.join(figures.total_of)})", TOTAL, 1.4)
        for name, colour in zip(trace.names("rail_", "_w"), PARTS):
            _line(axes, trace, f"rail_{name}_w", name, colour, 0.9)
    axes.set_ylim(bottom=0.0)


def _draw_temperature(axes: Any, trace: Trace) -> None:
    axes.set_ylabel("temperature, °C")
    for name, colour in zip(trace.names("temperature_", "_c"), (TOTAL, *PARTS)):
        _line(axes, trace, f"temperature_{name}_c", name, colour, 1.0)


def _draw_latency(axes: Any, trace: Trace) -> None:
    axes.set_ylabel("latency, ms")
    for (stage, name), colour in zip(LATENCIES, (TOTAL, TOTAL, PARTS[1], PARTS[1])):
        _line(axes, trace, f"{stage}_{name}_ms", f"{stage} {name}", colour, 1.0, "-" if name == "p50" else "--")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("time, UTC")


def _line(axes: Any, trace: Trace, column: str, label: str, colour: str, width: float, style: str = "-") -> None:
    """One column; a line is broken where it was not measured. Where there are many rows: their means, and how far they go."""
    values = trace.number(column)
    if not np.isfinite(values).any():
        return
    times_s = trace.times_s
    if len(values) > MOST_POINTS:
        times_s, least, values, most = _thinned(times_s, values)
        spread = "least to most" if column == "total_w" else None
        axes.fill_between(_dates(times_s), least, most, color=colour, alpha=0.25, linewidth=0, label=spread)
    # a line needs two points: few are shown as points, too
    marker = "." if len(values) <= FEW_POINTS else ""
    axes.plot(_dates(times_s), values, style, marker=marker, color=colour, linewidth=width, label=label)


def _thinned(times_s: Column, values: Column) -> tuple[Column, Column, Column, Column]:
    """Times, least, means and greatest of MOST_POINTS stretches; NaN where nothing was measured in one."""
    stretches = np.array_split(np.arange(len(values)), MOST_POINTS)
    found = np.full((4, MOST_POINTS), np.nan)
    for number, stretch in enumerate(stretches):
        known = values[stretch][np.isfinite(values[stretch])]
        found[0, number] = times_s[stretch].mean()
        if len(known):
            found[1:, number] = known.min(), known.mean(), known.max()
    return found[0], found[1], found[2], found[3]


def _dates(times_s: Column) -> list[datetime]:
    return [_date(float(one)) for one in times_s]


def _dress(figure: Any, trace: Trace) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    state, throttling = trace.words["state"], trace.words["throttling"]
    away = _stretches(trace, [one != MEASURED and "measured" in state for one in state])
    throttled = _stretches(trace, [bool(said) for said in throttling])
    for number, axes in enumerate(figure.axes):
        # the service's latency is known all the same
        for start, end in away if axes is not figure.axes[-1] else ():
            axes.axvspan(start, end, color=AWAY_COLOUR, alpha=0.35, linewidth=0, label="not measured" if not number else None)
        for start, end in throttled:
            label = "throttled" if not number else None
            axes.axvspan(start, end, ymin=0.0, ymax=0.025, color=THROTTLED, linewidth=0, label=label)
        axes.grid(True, alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
        _legend(axes)
    figure.align_ylabels()
    axis = figure.axes[-1].xaxis
    locator = AutoDateLocator(tz=timezone.utc)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator, tz=timezone.utc))  # type: ignore[no-untyped-call]


def _legend(axes: Any) -> None:
    """Beside the lines, each name once; where there are no lines, that is said."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles))
    if any(label not in ("not measured", "throttled") for label in once):
        axes.legend(once.values(), once.keys(), loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color="#808080")


def _stretches(trace: Trace, holds: list[bool]) -> list[tuple[datetime, datetime]]:
    """From the first row of each stretch to the row behind it."""
    found: list[tuple[datetime, datetime]] = []
    began: float | None = None
    for moment_s, it_does in zip(trace.times_s, holds):
        if it_does and began is None:
            began = float(moment_s)
        elif not it_does and began is not None:
            found.append((_date(began), _date(float(moment_s))))
            began = None
    if began is not None:
        found.append((_date(began), _date(float(trace.times_s[-1]))))
    return found


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
