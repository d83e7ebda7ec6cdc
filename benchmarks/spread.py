"""How many values lie: what every result has, and no mean."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

RANKS = (50, 90, 99)
NAMES = (*(f"p{rank}" for rank in RANKS), "max", "count")


def spread(values: Sequence[float] | NDArray[Any], digits: int = 3) -> dict[str, float]:
    """p50, p90, p99, max and count of (n,) values; where there are none the count alone."""
    if not len(values):
        return {"count": 0}
    found = np.asarray(values, np.float64)
    named = {f"p{rank}": round(float(value), digits) for rank, value in zip(RANKS, np.percentile(found, RANKS))}
    return {**named, "max": round(float(found.max()), digits), "count": len(found)}


def row(name: str, spread_of: dict[str, float]) -> tuple[str, ...]:
    """A table's cells: the name, then NAMES."""
    return (name, *(f"{spread_of[each]:g}" if each in spread_of else "" for each in NAMES))
