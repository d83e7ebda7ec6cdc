"""What the service says of itself on /health, as far as it belongs beside the power; and joules an utterance."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Mapping

from daemon.power.meter import Meter

STAGES = ("inference", "utterance")
FIGURES = ("p50", "p90", "p99", "max")


@dataclass(frozen=True)
class Health:
    """One message on /health."""

    boot: str
    heard_s: float
    """When it came, CLOCK_MONOTONIC."""
    n_utterances: int
    n_windows: int
    latency_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By stage and figure."""


def health_of(payload: bytes, heard_s: float) -> Health | None:
    """None for what is no message of the service's."""
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("boot"), str):
        return None
    counters, latency = _table(body.get("counters")), _table(body.get("latency_ms"))
    stages = {stage: _table(latency.get(stage)) for stage in STAGES}
    return Health(
        boot=body["boot"],
        heard_s=heard_s,
        n_utterances=_count(stages["utterance"].get("count")),
        n_windows=_count(counters.get("windows")),
        latency_ms={
            stage: {name: float(found[name]) for name in FIGURES if _is_number(found.get(name))}
            for stage, found in stages.items()
        },
    )


class Tally:
    """Energy and utterances between one health message and the next, where power was measured all the time."""

    def __init__(self) -> None:
        self.energy_j = 0.0
        self.n_utterances = 0
        self._last: tuple[Health, float, int] | None = None

    @property
    def joules_an_utterance(self) -> float | None:
        """Of all that the machine draws while it listens; None before the first utterance."""
        return self.energy_j / self.n_utterances if self.n_utterances else None

    def take(self, health: Health, meter: Meter) -> None:
        """One more message. What is before and behind a restart of the service, or a break of the measurement, is left out."""
        last, self._last = self._last, (health, meter.energy_j, meter.n_breaks)
        if last is None or last[0].boot != health.boot or last[2] != meter.n_breaks or meter.energy_j <= last[1]:
            return
        self.energy_j += meter.energy_j - last[1]
        self.n_utterances += max(0, health.n_utterances - last[0].n_utterances)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
