"""The figures of a trace, and how they are said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.power.health import FIGURES, STAGES
from daemon.power.snapshot import AWAY, MEASURED
from daemon.power.trace import Trace

SHOWN_MODES = 5
BEGINS_WITHIN_S = 20.0
"""A run's first row waits for the first reading, no longer."""


@dataclass(frozen=True)
class Figures:
    """Of a trace; None: it was not measured."""

    began_at: str
    ended_at: str
    n_rows: int
    n_runs: int
    duration_s: float
    measured_s: float
    """Of the duration: `energy_j` is of this time alone."""
    n_away: int
    """How often the source went away."""
    n_breaks: int
    """How often readings were missing between two."""
    measured_by: Sequence[str]
    total_of: Sequence[str]
    energy_j: float | None
    mean_w: float | None
    max_w: float | None
    n_utterances: int
    joules_an_utterance: float | None
    joules_an_hour: float | None
    rails_w: Mapping[str, tuple[float, float]]
    """Mean and maximum."""
    temperatures_c: Mapping[str, tuple[float, float]]
    clocks_mhz: Mapping[str, tuple[float, float]]
    cpu_percent: tuple[float, float] | None
    modes: Mapping[str, float]
    """Share of the rows that were measured, by power mode."""
    throttled_share: float | None
    throttling: Sequence[str]
    latency_ms: Mapping[str, Mapping[str, float]]
    """The service's percentiles at the end, by stage."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def figures_of(trace: Trace) -> Figures:
    """All of them."""
    measured = np.array([state == MEASURED for state in trace.words["state"]])
    energy_j, measured_s = _grown(trace, "energy_j"), _grown(trace, "measured_s")
    counted_j, n_utterances = _grown(trace, "counted_j"), int(_grown(trace, "counted_utterances"))
    has_energy = measured_s > 0.0
    total_w = _spread(trace.number("total_w"))
    reasons = [said for said, is_one in zip(trace.words["throttling"], measured) if is_one]
    return Figures(
        began_at=_at(trace.times_s[0]),
        ended_at=_at(trace.times_s[-1]),
        n_rows=len(trace),
        n_runs=len(list(trace.runs())),
        duration_s=_grown(trace, "elapsed_s"),
        measured_s=measured_s,
        n_away=_times_away(trace),
        n_breaks=int(_grown(trace, "breaks")),
        measured_by=_different(trace.words["measured_by"]),
        total_of=_different(trace.words["total_of"]),
        energy_j=energy_j if has_energy else None,
        mean_w=energy_j / measured_s if has_energy else None,
        max_w=total_w[1] if total_w else None,
        n_utterances=n_utterances,
        joules_an_utterance=counted_j / n_utterances if n_utterances else None,
        joules_an_hour=energy_j * 3600.0 / measured_s if has_energy else None,
        rails_w=_spreads(trace, "rail_", "_w"),
        temperatures_c=_spreads(trace, "temperature_", "_c"),
        clocks_mhz=_spreads(trace, "clock_", "_mhz"),
        cpu_percent=_spread(trace.number("cpu_percent")),
        modes=_shares([mode for mode, is_one in zip(trace.words["mode"], measured) if is_one and mode]),
        throttled_share=sum(bool(said) for said in reasons) / len(reasons) if reasons else None,
        throttling=_different([one for said in reasons for one in said.split("; ")]),
        latency_ms={stage: _newest(trace, stage) for stage in STAGES if _newest(trace, stage)},
    )


def _at(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def _grown(trace: Trace, name: str) -> float:
    """By how much a sum has grown, over all runs. A run whose first rows are there began at 0; a file may begin within one."""
    column, elapsed_s = trace.number(name), trace.number("elapsed_s")
    total = 0.0
    for run in trace.runs():
        known = column[run][np.isfinite(column[run])]
        if len(known):
            is_whole = elapsed_s[run][0] < BEGINS_WITHIN_S
            total += float(known[-1] - (0.0 if is_whole else known[0]))
    return total


def _times_away(trace: Trace) -> int:
    states = trace.words["state"]
    return sum(now == AWAY and before != AWAY for before, now in zip(["", *states], states))


def _different(words: Sequence[str]) -> list[str]:
    """Those that are not empty, in their order."""
    return list(dict.fromkeys(word for word in words if word))


def _shares(words: Sequence[str]) -> dict[str, float]:
    return {word: words.count(word) / len(words) for word in _different(words)}


def _spread(column: NDArray[np.float64]) -> tuple[float, float] | None:
    known = column[np.isfinite(column)]
    return (float(known.mean()), float(known.max())) if len(known) else None


def _spreads(trace: Trace, before: str, behind: str) -> dict[str, tuple[float, float]]:
    found = {name: _spread(trace.number(f"{before}{name}{behind}")) for name in trace.names(before, behind)}
    return {name: spread for name, spread in found.items() if spread}


def _newest(trace: Trace, stage: str) -> dict[str, float]:
    found = {}
    for name in FIGURES:
        column = trace.number(f"{stage}_{name}_ms")
        known = column[np.isfinite(column)]
        if len(known):
            found[name] = float(known[-1])
    return found


def lines_of(figures: Figures) -> list[str]:
    """For people."""
    return [f"{name:<12} {text}" for name, text in _said(figures)]


def _said(one: Figures) -> Iterator[tuple[str, str]]:
    runs = f", {one.n_runs} runs" if one.n_runs > 1 else ""
    yield "time", f"{one.began_at} to {one.ended_at}: {span_of(one.duration_s)}, {one.n_rows} rows{runs}"
    yield from _said_of_power(one)
    if one.joules_an_utterance is not None:
        yield "an utterance", f"{one.joules_an_utterance:.1f} J of all that is drawn, over {one.n_utterances}"
    for name, (mean, most) in one.rails_w.items():
        yield "rail", f"{name}: mean {mean:.2f} W, most {most:.2f} W"
    for name, (mean, most) in one.temperatures_c.items():
        yield "temperature", f"{name}: mean {mean:.1f} °C, most {most:.1f} °C"
    for name, (mean, most) in one.clocks_mhz.items():
        yield "clock", f"{name}: mean {mean:.0f} MHz, most {most:.0f} MHz"
    if one.cpu_percent:
        yield "CPU use", f"mean {one.cpu_percent[0]:.1f} %, most {one.cpu_percent[1]:.1f} %"
    if one.modes:
        yield "power mode", ", ".join(f"{mode} {share:.0%}" for mode, share in list(one.modes.items())[:SHOWN_MODES])
    if one.throttled_share is not None:
        why = f": {'; '.join(one.throttling)}" if one.throttling else ""
        yield "throttling", f"{one.throttled_share:.1%} of the time{why}"
    for stage, found in one.latency_ms.items():
        yield "latency", f"{stage}: " + ", ".join(f"{name} {ms:.2f} ms" for name, ms in found.items())


def _said_of_power(one: Figures) -> Iterator[tuple[str, str]]:
    if one.max_w is None:
        yield "power", "not measured: no power source"
        return
    by = f"of {', '.join(one.total_of)} by {', '.join(one.measured_by)}"
    mean = "" if one.mean_w is None else f"mean {one.mean_w:.2f} W, "
    yield "power", f"{mean}most {one.max_w:.2f} W, {by}"
    if one.energy_j is None:
        return
    missing_s = one.duration_s - one.measured_s
    missing = f"; {span_of(missing_s)} were not measured ({_times(one.n_away)} away) and are not counted" if one.n_away else ""
    yield "energy", f"{one.energy_j / 3600.0:.3f} Wh in {span_of(one.measured_s)}{missing}"
    yield "an hour", f"{one.joules_an_hour:.0f} J"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def span_of(seconds: float) -> str:
    """For people: `1 h 02 min`, `3 min 20 s`, `4.5 s`"""
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
