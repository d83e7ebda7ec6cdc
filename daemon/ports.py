"""The Protocols between the loop and the world: a loop cannot tell a microphone from a file, nor a broker from a list."""

from __future__ import annotations

from typing import Protocol

from daemon.events import Block, Message


class AudioSource(Protocol):
    """Where sound comes from: mono int16 at the model's rate."""

    name: str

    def read(self) -> Block | None:
        """The next block, None when none is there yet. Never waits. Raises DeviceError or RecordingError."""

    @property
    def ended(self) -> bool:
        """True when nothing will ever come again."""

    def close(self) -> None:
        """Give the device or the file back."""


class Sink(Protocol):
    """Where messages go: what was committed is the sink's to deliver."""

    def commit(self, message: Message) -> int:
        """Take the message; its sequence number."""


class Clock(Protocol):
    """The time, or for a replay the place in the recording."""

    def heard(self, block: Block) -> None:
        """The loop took this block."""

    def now_ns(self) -> int:
        """Never goes back; only differences mean something."""

    def at(self) -> str:
        """The date and time, RFC 3339 in UTC with milliseconds."""

    def wait(self, seconds: float) -> None:
        """Sleep until a source has something, at most that long."""
