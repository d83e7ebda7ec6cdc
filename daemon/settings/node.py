"""The settings of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.settings.wish import want

TOPIC_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may name a node or a source."""


@dataclass(frozen=True)
class NodeSettings:
    """This machine."""

    name: str = "cabin"
    """Second level of every topic: letters, digits, - and _."""
    state: str = ""
    """The folder of what outlives a restart; empty: $STATE_DIRECTORY (systemd's), else ~/.local/state/affectd."""

    def __post_init__(self) -> None:
        want(bool(TOPIC_LEVEL.fullmatch(self.name)), "name", self.name, "1 to 64 letters, digits, - or _")
