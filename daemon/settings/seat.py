"""The settings of what a seat gets to know."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want


@dataclass(frozen=True)
class SeatSettings:
    """Getting to know who sits there: numbers, never sound. Only models that know of speakers (`stream`) make use of it."""

    adapt: bool = True
    """What a seat has heard of its speaker goes into what is said next; false: each utterance stands alone."""
    forget_after_s: float = 1800.0
    """Without speech for so long, what is known is forgotten: somebody else may sit there."""
    forget_topic: str = ""
    """An MQTT topic, the ignition's say: whatever is published there, unless it was retained before, means that somebody else
    may sit there now, and all seats forget. Empty: there is none."""
    keep: str = ""
    """A file in which what is known outlives a restart; empty: it is kept in memory alone."""

    def __post_init__(self) -> None:
        topic = self.forget_topic
        want(len(topic.encode()) <= 65535 and "\0" not in topic, "forget_topic", topic, "a topic of MQTT")
        levels = topic.split("/")
        right = all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels) and "#" not in levels[:-1]
        want(right, "forget_topic", topic, "+ and # only as whole levels, # only as the last")
        want(0.0 < self.forget_after_s <= 86400.0, "forget_after_s", self.forget_after_s, "above 0, at most a day")
