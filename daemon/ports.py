"""The Protocols between the loop and the world: a loop cannot tell a microphone from a file, nor a broker from a list."""

from __future__ import annotations

from typing import Any, Protocol, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.events import Block, Message
from models.adaptation import Heard
from models.contract import Contract
from models.providers import Inference


class AudioSource(Protocol):
    """Where sound comes from: mono int16 at the model's rate."""

    name: str

    def read(self) -> Block | None:
        """The next block, None when none is there yet. Never waits. Raises RecordingError."""

    @property
    def ended(self) -> bool:
        """True when nothing will ever come again."""

    @property
    def listening(self) -> bool:
        """False while it is switched off: its device is closed, and `read` gives nothing. Only `read` changes it."""

    @property
    def hearing(self) -> bool:
        """False while no sound comes although it should: the device is gone, or hangs. Only `read` changes it."""

    @property
    def attended(self) -> int:
        """Grows as long as somebody sees to it, also while its device is gone or switched off; stands still when that hangs."""

    def device(self) -> dict[str, Any] | None:
        """What /health says of the device; None without one."""

    def release(self) -> bool:
        """Begin to give the device or the file back; True once that is done. Never waits."""

    def close(self) -> None:
        """Give the device or the file back, and wait for that."""


class Sink(Protocol):
    """Where messages go: what was committed is the sink's to deliver."""

    def commit(self, message: Message) -> int:
        """Take the message; its sequence number."""


class Utterance(Protocol):
    """What a model keeps of one stretch of speech."""

    def push(self, frames: NDArray[np.float32]) -> Any:
        """Take a window, or a stream's new frames; what the same model's `answer` wants of it."""

    def summary(self) -> Heard | None:
        """What was heard in all of it, for utterances to come; None: this model makes no use of that."""


class Model(Protocol):
    """What judges speech, whatever its form."""

    contract: Contract
    sha256: str
    inference: Inference
    """What it runs on."""

    @property
    def identity(self) -> dict[str, str]:
        """What messages say of the model."""

    def begin(self, heard: Heard | None = None) -> Utterance:
        """Somebody begins to speak, of whom the seat knows so much; None: nothing."""

    def answer(self, pieces: Sequence[Any]) -> NDArray[np.float64]:
        """Probabilities for each of what `push` gave, at least one, in the order it did: (n, n_labels)."""


class Stop(Protocol):
    """Whether somebody wants an end: a `threading.Event`, for one."""

    def is_set(self) -> bool:
        """True from then on."""


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
