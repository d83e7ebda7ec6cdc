"""What travels between the stages: frozen, and knowing its place in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Block:
    """Sound as it came from a source."""

    samples: NDArray[np.int16]
    """(n,), mono."""
    start_sample: int
    """Position of the first sample since the source began; a jump means that sound was lost between."""
    captured_ns: int
    """When the newest sample was there, on the pipeline's clock."""

    @property
    def end_sample(self) -> int:
        """Position just past the newest sample."""
        return self.start_sample + len(self.samples)


@dataclass(frozen=True)
class Stretch:
    """A stretch of speech that the gate has closed."""

    start_sample: int
    end_sample: int
    """Just past the last voiced sample."""
    decided_sample: int
    """Where the gate knew: the end plus the hang-over."""


@dataclass(frozen=True)
class Verdict:
    """What is said of an utterance."""

    label: str
    """A label of the model, or `uncertain`."""
    confidence: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class Message:
    """One message on its way out: `body` still lacks `boot` and `seq`, which the outbox gives."""

    topic: str
    """Below affectd/<node>/, as in `driver/utterance`."""
    body: Mapping[str, Any]
    retain: bool = False
    expiry_s: int | None = None
    """A broker that speaks MQTT 5 forgets the message after that; None: never."""
