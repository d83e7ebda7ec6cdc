"""A made-up day of the power logger, whose figures are known without it; no machine measured it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Sequence

from daemon.power.health import Health, Tally
from daemon.power.meter import Meter
from daemon.power.reading import Reading
from daemon.power.snapshot import AWAY, MEASURED, NONE, Snapshot, energy_of, row
from daemon.power.table import Table

BEGAN = datetime(2026, 11, 27, 8, 0, tzinfo=timezone.utc)
THROTTLED = "CPU held to 1190 of 1421 MHz"
HEALTH_EVERY = 10


def snapshots(
    watts: Sequence[float | None],
    throttled: range = range(0),
    source: str = "jtop",
    run: str = "a1b2c3d4",
    utterance_every: int = 20,
    began: datetime = BEGAN,
) -> list[Snapshot]:
    """One a second. None: the source is away."""
    meter, tally, health, found = Meter(), Tally(), None, []
    for second, total_w in enumerate(watts):
        reading = None
        if total_w is not None:
            reading = Reading(
                taken_s=float(second),
                every_s=1.0,
                total_w=total_w,
                total_of="VDD_IN",
                rails_w={"VDD_CPU_GPU_CV": 0.4 * total_w, "VDD_SOC": 0.2 * total_w},
                temperatures_c={"CPU": 40.0 + total_w, "GPU": 39.0 + total_w},
                clocks_mhz={"CPU": 1190.4 if second in throttled else 1420.8},
                mode="MODE_15W_6CORE",
                throttling=[THROTTLED] if second in throttled else [],
            )
            meter.add(reading)
        if second % HEALTH_EVERY == 0:
            latency = {"inference": {"p50": 4.0, "p99": 6.0}, "utterance": {"p50": 6.5, "p99": 11.5}}
            health = Health("5e7v1ce0", float(second), second // utterance_every, second, latency)
            tally.take(health, meter)
        at = (began + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        state = NONE if source == NONE else MEASURED if reading else AWAY
        found.append(
            Snapshot(
                at=at,
                run=run,
                elapsed_s=second + 1.0,
                source=source,
                state=state,
                trouble="" if reading else "jtop.service is not running",
                reading=reading,
                cpu_percent=25.0,
                health=health,
                health_age_s=None if health is None else second - health.heard_s,
                **energy_of(meter, tally),
            )
        )
    return found


def written(path: Path, *runs: Sequence[Snapshot], max_bytes: int = 10**9) -> Path:
    """As the logger writes them."""
    for run in runs:
        table = Table(path, max_bytes, 9)
        for one in run:
            table.write(row(one))
        table.close()
    return path
