"""The last ten minutes of one source, in memory that does not grow."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping

from daemon.dashboard.plain import number, text

KEPT_MS = 10 * 60 * 1000
BEAT_MS = 250
"""Of what comes faster, the newest stays: a point is a beat."""
MOST_POINTS = KEPT_MS // BEAT_MS + 1
MOST_LABELS = 12
MOST_EPISODES = 64


@dataclass
class Point:
    """A state."""

    version: int
    at_ms: int
    probabilities: dict[str, float]
    speaking: bool
    level_dbfs: float | None

    def as_row(self, labels: list[str]) -> list[Any]:
        """Time, probabilities by label or none at all, speaking, level."""
        shares = [self.probabilities.get(label, 0.0) for label in labels] if self.probabilities else None
        return [self.at_ms, shares, self.speaking, self.level_dbfs]


@dataclass
class Episode:
    """A mood that lasts, or lasted."""

    version: int
    label: str
    start_ms: int
    end_ms: int | None = None


@dataclass
class Past:
    """Of one source. Versions grow; what has a greater one than a page has seen is news to it."""

    labels: list[str] = field(default_factory=list)
    """In the order in which they came."""
    _points: deque[Point] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    _episodes: dict[str, Episode] = field(default_factory=dict)

    def take_state(self, body: Mapping[str, Any], now_ms: int, version: int) -> None:
        """What the source said now."""
        given = body.get("probabilities")
        shares = {}
        for label, share in given.items() if isinstance(given, dict) else ():
            name, value = text(label), number(share)
            if name not in self.labels and len(self.labels) < MOST_LABELS:
                self.labels.append(name)
            if name in self.labels and value is not None:
                shares[name] = round(min(1.0, max(0.0, value)), 4)
        at_ms = now_ms - now_ms % BEAT_MS
        if self._points and self._points[-1].at_ms >= at_ms:
            # also where the clock was set back: points never go back
            at_ms = self._points.pop().at_ms
        self._points.append(Point(version, at_ms, shares, body.get("speaking") is True, number(body.get("level_dbfs"))))
        self._forget(now_ms)

    def take_episode(self, body: Mapping[str, Any], now_ms: int, version: int) -> None:
        """A mood begins, goes on or is over."""
        name, phase, lasted_s = text(body.get("id")), body.get("phase"), number(body.get("duration_s"))
        start_ms = now_ms - round(1000 * min(max(0.0, lasted_s or 0.0), KEPT_MS / 1000))
        episode = self._episodes.setdefault(name, Episode(version, text(body.get("label")), start_ms))
        episode.version = version
        if phase == "end":
            episode.end_ms = now_ms
        if len(self._episodes) > MOST_EPISODES:
            del self._episodes[next(iter(self._episodes))]
        self._forget(now_ms)

    def end_episodes(self, now_ms: int, version: int) -> None:
        """The sender is gone: nothing goes on that we know of."""
        for episode in self._episodes.values():
            if episode.end_ms is None:
                episode.end_ms, episode.version = now_ms, version

    def since(self, version: int) -> dict[str, Any]:
        """What is newer; empty: nothing is."""
        rows = [point.as_row(self.labels) for point in self._newer(version)][::-1]
        episodes = [
            [name, one.label, one.start_ms, one.end_ms] for name, one in self._episodes.items() if one.version > version
        ]
        told: dict[str, Any] = {"labels": list(self.labels), "points": rows} if rows else {}
        return {**told, "episodes": episodes} if episodes else told

    def _newer(self, version: int) -> Iterator[Point]:
        for point in reversed(self._points):
            if point.version <= version:
                return
            yield point

    def _forget(self, now_ms: int) -> None:
        while self._points and self._points[0].at_ms < now_ms - KEPT_MS:
            self._points.popleft()
        over = [name for name, one in self._episodes.items() if one.end_ms is not None and one.end_ms < now_ms - KEPT_MS]
        for name in over:
            del self._episodes[name]
