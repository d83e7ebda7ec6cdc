"""Counters and latency percentiles: numbers only, a fixed amount of memory."""

from __future__ import annotations

import time
from typing import Any, Iterable

import numpy as np

from daemon.events import Message
from daemon.service.histogram import Histogram

KEPT = 1024
STAGES = ("hang_over", "block", "queue", "front_end", "inference", "total")
"""Of an utterance's latency, as its message names them."""
AFTER_GATE = "after_gate"
"""All of it but `hang_over`, which the settings decide."""
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
    """What has happened since the start. The loop's thread counts, and the delivery's what was acknowledged; any may look."""

    def __init__(self) -> None:
        self.blocks = 0
        self.samples = 0
        self.windows = 0
        self.messages: dict[str, int] = {}
        self.inference_ms = Latencies()
        self.utterance_ms = Latencies()
        """From the gate's decision to the commit."""
        self.inference_s = Histogram()
        self.stages_s = {stage: Histogram() for stage in (*STAGES, AFTER_GATE)}
        """Of utterances."""
        self.delivery_s = Histogram()
        """From the commit to the broker's acknowledgement, of the newest KEPT messages."""
        self._committed_ns = np.zeros(KEPT, np.int64)
        self._committed_seqs = np.full(KEPT, -1, np.int64)

    def judged(self, n_windows: int, took_ns: int) -> None:
        """One call of the model."""
        self.windows += n_windows
        self.inference_ms.add(took_ns / 1e6)
        self.inference_s.add(took_ns / 1e9)

    def committed(self, message: Message, seq: int) -> None:
        """Count a message by its kind; `seq`: its number."""
        self._committed_ns[seq % KEPT] = time.perf_counter_ns()
        self._committed_seqs[seq % KEPT] = seq
        kind = message.topic.rsplit("/", 1)[-1]
        self.messages[kind] = self.messages.get(kind, 0) + 1
        if kind == "utterance":
            latency = message.body["latency_ms"]
            after_gate_ms = latency["total"] - latency["hang_over"]
            self.utterance_ms.add(after_gate_ms)
            for stage, stage_ms in {**latency, AFTER_GATE: after_gate_ms}.items():
                self.stages_s[stage].add(stage_ms / 1e3)

    def acknowledged(self, seqs: Iterable[int]) -> None:
        """The broker has these messages."""
        now_ns = time.perf_counter_ns()
        for seq in seqs:
            # what an earlier run committed, or so many others ago, is not known here
            if self._committed_seqs[seq % KEPT] == seq:
                self.delivery_s.add((now_ns - int(self._committed_ns[seq % KEPT])) / 1e9)

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
