"""The settings of the outbox."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want


@dataclass(frozen=True)
class OutboxSettings:
    """What is kept while the broker is away."""

    max_mb: float = 64.0
    """Then some letters go, and a gap record names them. An event is 0.5 to 1 kB."""
    max_age_h: float = 168.0
    """Older letters go, too; 0: none. Counted while the service runs, so that no clock that is set drops an event."""
    drop: str = "oldest"
    """What goes where there is no more room: the "oldest", or the "newest"."""
    linger_ms: float = 20.0
    """So long after a write the next waits for more to go with it, for a flash memory wears by the write. What comes alone is
    written at once."""

    def __post_init__(self) -> None:
        want(0.001 <= self.max_mb <= 100000.0, "max_mb", self.max_mb, "0.001 to 100000")
        want(0.0 <= self.max_age_h <= 87600.0, "max_age_h", self.max_age_h, "0 to 87600, ten years")
        want(self.drop in ("oldest", "newest"), "drop", self.drop, '"oldest" or "newest"')
        want(0.0 <= self.linger_ms <= 10000.0, "linger_ms", self.linger_ms, "0 to 10000")

    @property
    def max_bytes(self) -> int:
        """`max_mb` in bytes."""
        return int(self.max_mb * 1e6)

    @property
    def max_age_s(self) -> float:
        """`max_age_h` in seconds; infinite where nothing is too old."""
        return self.max_age_h * 3600.0 or float("inf")
