"""What strangers send, made small and plain before it is kept: whoever can publish decides nothing about our memory."""

from __future__ import annotations

import math
from typing import Any

MOST_CHARACTERS = 200
MOST_ENTRIES = 64
DEEPEST = 6


def text(value: object) -> str:
    """At most MOST_CHARACTERS of what is text; nothing of anything else."""
    # half a surrogate pair is fine in JSON, and cannot be sent on
    return value[:MOST_CHARACTERS].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A finite number, else nothing."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]
    except OverflowError:
        return None


def bounded(value: object, depth: int = 0) -> Any:
    """The same, its texts cut, its lists and objects short, and nothing deeper than DEEPEST."""
    if isinstance(value, str):
        return text(value)
    if depth >= DEEPEST:
        return None
    if isinstance(value, dict):
        return {text(name): bounded(one, depth + 1) for name, one in list(value.items())[:MOST_ENTRIES]}
    if isinstance(value, list):
        return [bounded(one, depth + 1) for one in value[:MOST_ENTRIES]]
    return value if isinstance(value, bool) else number(value)
