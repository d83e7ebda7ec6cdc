"""The settings of the power logger."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want

SOURCES = ("auto", "jtop", "nvml", "none")


@dataclass(frozen=True)
class PowerSettings:
    """What `affectd power-log` writes down; the service itself makes no use of it."""

    measure_with: str = "auto"
    """Who measures: "jtop" (Jetson), "nvml" (NVIDIA's cards); "auto": the first that is there; "none": CPU use alone."""
    interval_s: float = 1.0
    """From one row to the next."""
    publish_every_s: float = 10.0
    """So often the newest row goes out on affectd/<node>/power; 0: never."""
    csv: str = ""
    """The file of rows; empty: power.csv in $STATE_DIRECTORY (systemd's), else in the state folder."""
    max_mb: float = 20.0
    """Of a file; a row is about 0.3 kB. Then it becomes power.csv.1, and so on ..."""
    files: int = 5
    """... as long as there are not more than so many."""

    def __post_init__(self) -> None:
        want(self.measure_with in SOURCES, "measure_with", self.measure_with, '"auto", "jtop", "nvml" or "none"')
        want(0.1 <= self.interval_s <= 60.0, "interval_s", self.interval_s, "0.1 to 60")
        right = self.publish_every_s == 0.0 or 0.1 <= self.publish_every_s <= 3600.0
        want(right, "publish_every_s", self.publish_every_s, "0.1 to 3600, or 0")
        want(0.01 <= self.max_mb <= 10000.0, "max_mb", self.max_mb, "0.01 to 10000")
        want(1 <= self.files <= 1000, "files", self.files, "1 to 1000")

    @property
    def max_bytes(self) -> int:
        """`max_mb` in bytes."""
        return int(self.max_mb * 1e6)
