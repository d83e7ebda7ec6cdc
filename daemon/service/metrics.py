"""Counters and latency percentiles: numbers only, a fixed amount of memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from daemon.events import Message

KEPT = 1024
PERCENTILES = (50, 90, 99)


class Latencies:
    """The newest KEPT values, in milliseconds."""

    def __init__(self) -> None:
        self._values_ms = np.zeros(KEPT)
        self.count = 0

    def add(self, value_ms: float) -> None:
        """Take one more; the oldest goes."""
        self._values_ms[self.count % KEPT] = value_ms
        self.count += 1

    def summary(self) -> dict[str, float]:
        """p50, p90, p99 and the maximum of the values kept, and how many there ever were."""
        if not self.count:
            return {"count": 0}
        kept = self._values_ms[: min(self.count, KEPT)]
        found = np.percentile(kept, PERCENTILES)
        named = {f"p{rank}": round(float(value), 3) for rank, value in zip(PERCENTILES, found)}
        return {"count": self.count, **named, "max": round(float(kept.max()), 3)}


class Metrics:
    """What has happened since the start."""

    def __init__(self) -> None:
        self.blocks = 0
        self.samples = 0
        self.windows = 0
        self.messages: dict[str, int] = {}
        self.inference_ms = Latencies()
        self.utterance_ms = Latencies()
        """From the gate's decision to the commit."""

    def committed(self, message: Message) -> None:
        """Count a message by its kind."""
        kind = message.topic.rsplit("/", 1)[-1]
        self.messages[kind] = self.messages.get(kind, 0) + 1
        if kind == "utterance":
            latency = message.body["latency_ms"]
            self.utterance_ms.add(latency["total"] - latency["hang_over"])

    def summary(self) -> dict[str, Any]:
        """Everything, as /health carries it."""
        return {
            "counters": {
                "blocks": self.blocks,
                "samples": self.samples,
                "windows": self.windows,
                "messages": dict(self.messages),
            },
            "latency_ms": {"inference": self.inference_ms.summary(), "utterance": self.utterance_ms.summary()},
        }
