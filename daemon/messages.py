"""The bodies of the messages; their schemas are in `delivery/schemas/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from daemon.decision import Episode, Mood, as_mapping
from daemon.events import Message, Stretch, Verdict
from daemon.ports import Clock
from models.contract import Contract

STATE_EXPIRY_S = 300
"""A mood that nobody has confirmed for so long is stale: brokers that speak MQTT 5 forget it."""
BIG_SIX_URI = "http://www.w3.org/TR/emotion-voc/xml#big6"
"""W3C's vocabulary for EmotionML of these labels:"""
BIG_SIX = frozenset({"anger", "disgust", "fear", "happiness", "sadness", "surprise"})
OWN_URI = "urn:affectd:emotions:1#emotions"
"""W3C has no vocabulary with neutral, calm and boredom beside the big six: ours is in deploy/emotionml/emotions.xml."""


def vocabulary(labels: Sequence[str]) -> str:
    """The EmotionML vocabulary that has all of a model's labels; `uncertain` is none, it says that no category is claimed."""
    return BIG_SIX_URI if BIG_SIX.issuperset(labels) else OWN_URI


@dataclass(frozen=True)
class Composer:
    """Writes what one seat has to say."""

    node: str
    source: str
    boot: str
    contract: Contract
    model: Mapping[str, str]
    clock: Clock

    def utterance(
        self, stretch: Stretch, verdict: Verdict, n_windows: int, clipped: float, latency_ms: Mapping[str, float]
    ) -> Message:
        """One stretch of speech."""
        return self._message(
            "utterance",
            {
                "label": verdict.label,
                "confidence": verdict.confidence,
                "probabilities": dict(verdict.probabilities),
                "speech": {
                    "start_s": self._seconds(stretch.start_sample),
                    "end_s": self._seconds(stretch.end_sample),
                    "duration_s": self._seconds(stretch.end_sample - stretch.start_sample),
                },
                "windows": n_windows,
                "clipped_share": round(clipped, 4),
                "latency_ms": {stage: round(value, 3) for stage, value in latency_ms.items()},
            },
        )

    def episode(self, phase: str, episode: Episode, mood: Mood, now_sample: int) -> Message:
        """A mood that lasts: phase `new`, `update` or `end`."""
        body = {
            "phase": phase,
            "id": f"{self.source}-{self.boot}-{episode.number}",
            "label": episode.label,
            "start_s": self._seconds(episode.start_sample),
            "duration_s": self._seconds(max(0, now_sample - episode.start_sample)),
            "probabilities": self._probabilities(mood),
        }
        return self._message("episode", body)

    def state(self, mood: Mood, speaking: bool, level_dbfs: float, listening: bool = True, hearing: bool = True) -> Message:
        """The mood now. Who does not listen, or hear, says nothing for a long time: that must not be forgotten meanwhile."""
        body = {
            "label": mood.label,
            "probabilities": self._probabilities(mood),
            "speaking": speaking,
            "level_dbfs": round(level_dbfs, 1),
            "listening": listening,
            "hearing": hearing,
        }
        return self._message("state", body, retain=True, expiry_s=STATE_EXPIRY_S if listening and hearing else None)

    def _probabilities(self, mood: Mood) -> dict[str, float]:
        return {} if mood.probabilities is None else as_mapping(mood.probabilities, self.contract.labels)

    def _seconds(self, n_samples: int) -> float:
        return round(n_samples / self.contract.front_end.sample_rate_hz, 4)

    def _message(self, kind: str, body: Mapping[str, Any], retain: bool = False, expiry_s: int | None = None) -> Message:
        head = {
            "schema": f"affectd/{kind}/1",
            "node": self.node,
            "source": self.source,
            "at": self.clock.at(),
            "model": dict(self.model),
            "vocabulary": vocabulary(self.contract.labels),
        }
        return Message(f"{self.source}/{kind}", {**head, **body}, retain, expiry_s)
