"""What a source of power measures, and what every source is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Protocol, Sequence


@dataclass(frozen=True)
class Reading:
    """What was measured at one moment; nothing in it is estimated."""

    taken_s: float
    """Of CLOCK_MONOTONIC, in seconds."""
    every_s: float
    """The next one is due after so many seconds."""
    total_w: float | None
    """None: this machine measures no power."""
    total_of: str = ""
    """What `total_w` is the power of: a rail, or what was added up."""
    rails_w: Mapping[str, float] = field(default_factory=dict)
    """The other rails, which are parts of the total."""
    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    clocks_mhz: Mapping[str, float] = field(default_factory=dict)
    mode: str = ""
    """The power mode: figures without it mean nothing. Empty: there are none."""
    throttling: Sequence[str] = ()
    """What holds the machine back now, each a few words."""


class PowerSource(Protocol):
    """Where readings come from."""

    @property
    def name(self) -> str:
        """One word, for rows and messages."""

    @property
    def trouble(self) -> str:
        """Why no readings come, and what to do; empty: they do."""

    def read(self) -> Sequence[Reading]:
        """What was measured since the last call, the oldest first; nothing while the source is away. Waits for nobody."""

    def close(self) -> None:
        """Let go of it."""


class NoSource(Exception):
    """Not on this machine, and why."""
