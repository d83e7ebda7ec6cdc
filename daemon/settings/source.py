"""The settings of one microphone."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.errors import SettingsError
from daemon.settings.node import TOPIC_LEVEL
from daemon.settings.wish import want


@dataclass(frozen=True)
class SourceSettings:
    """One microphone, or a recording in its place."""

    name: str = "cabin"
    """Third level of its topics: the seat."""
    device: str = ""
    """Card id, USB path or name, as `affectd devices` shows them, part of a name, or a pattern (*, ?); never an index."""
    recording: str = ""
    """A file that is played once, instead of a device ..."""
    speed: float = 1.0
    """... and so many times as fast as it was spoken; for tests."""

    def __post_init__(self) -> None:
        want(bool(TOPIC_LEVEL.fullmatch(self.name)), "name", self.name, "1 to 64 letters, digits, - or _")
        want(0.01 <= self.speed <= 1000.0, "speed", self.speed, "0.01 to 1000")
        if bool(self.device) == bool(self.recording):
            raise SettingsError(f"source {self.name!r} needs either a device (see `affectd devices`) or a recording")
        if self.device.isdigit():
            raise SettingsError(
                f"device is {self.device!r}, an index: these move when a device is plugged in; "
                "take a name, a card id or a USB path from `affectd devices`"
            )
