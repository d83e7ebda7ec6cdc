"""The settings of what Home Assistant is told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.settings.wish import want

TOPIC = re.compile(r"[^+#\s/]+(/[^+#\s/]+)*")


@dataclass(frozen=True)
class DiscoverySettings:
    """Home Assistant finds the device by itself."""

    enabled: bool = True
    """false: it is told once after each start that there is no such device, and forgets it."""
    prefix: str = "homeassistant"
    """Home Assistant's own setting of that name."""
    status_topic: str = "homeassistant/status"
    """Where Home Assistant says `online`: its birth message."""

    def __post_init__(self) -> None:
        want(bool(TOPIC.fullmatch(self.prefix)), "prefix", self.prefix, "a topic without +, # and spaces")
        want(bool(TOPIC.fullmatch(self.status_topic)), "status_topic", self.status_topic, "a topic without +, # and spaces")
