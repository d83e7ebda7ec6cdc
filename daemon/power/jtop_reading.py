"""From jtop's words to a reading: mW to W, kHz to MHz, sensors that are off left out."""

from __future__ import annotations

import math
from typing import Any, Mapping, Sequence

from daemon.power.reading import Reading

ABSOLUTE_ZERO_C = -273.15
OFFLINE_C = -256.0
"""What jtop says of a sensor that is off."""


class JtopReadings:
    """Makes them, and remembers the clocks that a power mode allows: jtop does not tell of throttling by itself."""

    def __init__(self) -> None:
        self._mode = ""
        self._highest_mhz: dict[str, float] = {}

    def of(self, seen: Mapping[str, Any], taken_s: float) -> Reading:
        """The reading of one line of `jtop_child`."""
        power = _table(seen.get("power"))
        total = _table(power.get("tot"))
        rails = {name: _table(rail) for name, rail in _table(power.get("rail")).items()}
        total_w = _number(total.get("power"))
        total_of = str(total.get("name") or "all rails")
        mode, every_s = str(seen.get("mode") or ""), _number(seen.get("every_s"))
        return Reading(
            taken_s=taken_s,
            every_s=every_s if every_s and every_s > 0.0 else 1.0,
            total_w=None if total_w is None or not power else total_w / 1000.0,
            total_of=total_of if total_w is not None else "",
            rails_w={name: watts / 1000.0 for name, rail in rails.items() for watts in _numbers(rail.get("power"))},
            temperatures_c=_temperatures(_table(seen.get("temperature"))),
            clocks_mhz=_clocks(seen, "cur"),
            mode=mode,
            throttling=[*_over_current({total_of: total, **rails}), *self._held_back(mode, _clocks(seen, "max"))],
        )

    def _held_back(self, mode: str, allowed_mhz: Mapping[str, float]) -> list[str]:
        """Heat and voltage lower the highest clock that is allowed; so does another mode, which is none of it."""
        if mode != self._mode:
            self._mode, self._highest_mhz = mode, {}
        found = []
        for name, now_mhz in allowed_mhz.items():
            highest_mhz = self._highest_mhz[name] = max(now_mhz, self._highest_mhz.get(name, 0.0))
            if now_mhz < highest_mhz:
                found.append(f"{name} held to {now_mhz:.0f} of {highest_mhz:.0f} MHz")
        return found


def _over_current(rails: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A rail above the limit of its own sensor."""
    found = []
    for name, rail in rails.items():
        drawn, limit = _number(rail.get("curr")), _number(rail.get("warn"))
        if drawn is not None and limit and drawn > limit:
            found.append(f"{name} draws {drawn / 1000.0:.2f} of {limit / 1000.0:.2f} A")
    return found


def _temperatures(sensors: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: degrees
        for name, sensor in sensors.items()
        for degrees in _numbers(_table(sensor).get("temp"))
        if _table(sensor).get("online", True) and degrees not in (OFFLINE_C,) and degrees > ABSOLUTE_ZERO_C
    }


def _clocks(seen: Mapping[str, Any], which: str) -> dict[str, float]:
    """CPU: the mean of the cores that are on. `which`: "cur", or "max", the highest that is allowed now."""
    cores = seen.get("cpu")
    on = [_table(core) for core in (cores if isinstance(cores, Sequence) else []) if _table(core).get("online")]
    cpu_khz = [khz for core in on for khz in _numbers(_table(core.get("freq")).get(which))]
    found = {"CPU": sum(cpu_khz) / len(cpu_khz) / 1000.0} if cpu_khz else {}
    gpus = [_table(gpu) for gpu in _table(seen.get("gpu")).values()]
    for number, gpu in enumerate(gpus):
        found.update({f"GPU{number or ''}": khz / 1000.0 for khz in _numbers(gpu.get(which))})
    emc_khz = _number(_table(seen.get("emc")).get(which))
    return found if emc_khz is None else {**found, "EMC": emc_khz / 1000.0}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if right else None  # type: ignore[arg-type]


def _numbers(value: object) -> list[float]:
    """None or one."""
    number = _number(value)
    return [] if number is None else [number]
