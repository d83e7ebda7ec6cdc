"""The settings of what Prometheus may read."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from daemon.settings.wish import want


@dataclass(frozen=True)
class MetricsSettings:
    """Figures for Prometheus, over HTTP."""

    enabled: bool = False
    """true: needs the extra `metrics` (`pip install 'affectd[metrics]'`)."""
    host: str = "127.0.0.1"
    """An address of this machine. Whoever reaches it may read the figures, and how often somebody spoke is among them: any
    other than a loopback's, such as "0.0.0.0", is said in the log."""
    port: int = 9464

    def __post_init__(self) -> None:
        want(_is_address(self.host), "host", self.host, "an address such as 127.0.0.1, ::1 or 0.0.0.0")
        want(1 <= self.port <= 65535, "port", self.port, "1 to 65535")

    @property
    def is_loopback(self) -> bool:
        """Nobody but this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
