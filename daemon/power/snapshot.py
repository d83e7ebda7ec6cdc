"""All that is known at one moment; a row of the table and a message say it each in its own form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from daemon.power.health import FIGURES, STAGES, Health, Tally
from daemon.power.meter import Meter
from daemon.power.reading import Reading

MEASURED, AWAY, NONE = "measured", "away", "none"
"""States: readings come; the source is away, and comes back; there is none."""


@dataclass(frozen=True)
class Snapshot:
    """Now."""

    at: str
    run: str
    """A name for this run of the logger."""
    elapsed_s: float
    """Since it began."""
    source: str
    state: str
    trouble: str
    reading: Reading | None
    """The newest; None while the source is away."""
    cpu_percent: float | None
    energy_j: float
    measured_s: float
    n_breaks: int
    counted_j: float
    counted_utterances: int
    health: Health | None
    health_age_s: float | None

    @property
    def joules_an_utterance(self) -> float | None:
        """None before there was one."""
        return self.counted_j / self.counted_utterances if self.counted_utterances else None

    @property
    def joules_an_hour(self) -> float | None:
        """As much as was drawn in the time that was measured; None before there is some."""
        return self.energy_j * 3600.0 / self.measured_s if self.measured_s > 0.0 else None


def energy_of(meter: Meter, tally: Tally) -> dict[str, Any]:
    """The fields of a Snapshot that these fill."""
    return {
        "energy_j": meter.energy_j,
        "measured_s": meter.measured_s,
        "n_breaks": meter.n_breaks,
        "counted_j": tally.energy_j,
        "counted_utterances": tally.n_utterances,
    }


def row(now: Snapshot) -> dict[str, str]:
    """The cells by their columns, whose names end in their units; what is not known is empty."""
    known = now.reading
    cells = {
        "at": now.at,
        "run": now.run,
        "elapsed_s": _text(now.elapsed_s),
        "measured_by": now.source,
        "state": now.state,
        "total_w": _text(known.total_w if known else None),
        "total_of": known.total_of if known else "",
        "energy_j": _text(now.energy_j) if now.measured_s else "",
        "measured_s": _text(now.measured_s),
        "breaks": str(now.n_breaks),
        "cpu_percent": _text(now.cpu_percent, 1),
        "mode": known.mode if known else "",
        "throttling": "; ".join(known.throttling) if known else "",
        "joules_an_utterance": _text(now.joules_an_utterance),
        "joules_an_hour": _text(now.joules_an_hour, 1),
        "counted_j": _text(now.counted_j),
        "counted_utterances": str(now.counted_utterances),
        "service_boot": now.health.boot if now.health else "",
        "service_age_s": _text(now.health_age_s, 1),
        "utterances": str(now.health.n_utterances) if now.health else "",
        "windows": str(now.health.n_windows) if now.health else "",
    }
    for stage in STAGES:
        found = now.health.latency_ms.get(stage, {}) if now.health else {}
        cells.update({f"{stage}_{name}_ms": _text(found.get(name)) for name in FIGURES})
    if known:
        cells.update({f"rail_{name}_w": _text(watts) for name, watts in sorted(known.rails_w.items())})
        cells.update({f"temperature_{name}_c": _text(degrees, 1) for name, degrees in sorted(known.temperatures_c.items())})
        cells.update({f"clock_{name}_mhz": _text(mhz, 1) for name, mhz in sorted(known.clocks_mhz.items())})
    return cells


def body(now: Snapshot, node: str) -> dict[str, Any]:
    """What /power says; schema affectd/power/1."""
    known = now.reading
    measured: dict[str, Any] = {}
    if known:
        measured = {
            "power": {"total_w": _rounded(known.total_w), "total_of": known.total_of, "rails_w": _all_rounded(known.rails_w)},
            "temperatures_c": _all_rounded(known.temperatures_c, 1),
            "clocks_mhz": _all_rounded(known.clocks_mhz, 1),
            "mode": known.mode,
            "throttling": list(known.throttling),
        }
    service: dict[str, Any] = {}
    if now.health and now.health_age_s is not None:
        about = {"boot": now.health.boot, "age_s": round(now.health_age_s, 1)}
        counted = {"utterances": now.health.n_utterances, "windows": now.health.n_windows}
        service = {"service": {**about, **counted, "latency_ms": {name: dict(now.health.latency_ms[name]) for name in STAGES}}}
    return {
        "schema": "affectd/power/1",
        "node": node,
        "boot": now.run,
        "at": now.at,
        "measured_by": now.source,
        "state": now.state,
        "trouble": now.trouble or None,
        "elapsed_s": round(now.elapsed_s, 3),
        "cpu_percent": _rounded(now.cpu_percent, 1),
        **measured,
        "energy": {
            "joules": round(now.energy_j, 3),
            "measured_s": round(now.measured_s, 3),
            "breaks": now.n_breaks,
            "joules_an_hour": _rounded(now.joules_an_hour, 1),
            "joules_an_utterance": _rounded(now.joules_an_utterance),
        },
        **service,
    }


def _text(number: float | None, digits: int = 3) -> str:
    return "" if number is None else f"{number:.{digits}f}"


def _rounded(number: float | None, digits: int = 3) -> float | None:
    return None if number is None else round(number, digits)


def _all_rounded(numbers: Mapping[str, float], digits: int = 3) -> dict[str, float]:
    return {name: round(number, digits) for name, number in numbers.items()}
