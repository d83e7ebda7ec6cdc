"""What is known of every node and source: the newest message of each kind and the last ten minutes, in bounded memory."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Mapping

from daemon.dashboard.past import Past
from daemon.dashboard.plain import bounded
from daemon.listen.reader import body_of

MOST_SOURCES = 64
MOST_NODES = 32
MOST_BYTES = 65536
MOST_NAME = 64
"""Characters of a level of a topic."""
OF_SOURCE = ("state", "utterance", "episode")
OF_NODE = ("availability", "health", "power")
TOPICS = [*(f"affectd/+/+/{kind}" for kind in OF_SOURCE), *(f"affectd/+/{kind}" for kind in OF_NODE)]


@dataclass
class Latest:
    """The newest message of a kind."""

    version: int
    at_ms: int
    """When it came, on our clock."""
    retained: bool
    """The broker had kept it: it may be old."""
    body: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As pages get it."""
        return {"at_ms": self.at_ms, "retained": self.retained, "body": self.body}


@dataclass
class Known:
    """Of a node, or of a source."""

    latest: dict[str, Latest] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    touched: int = 0
    """Version of its newest message."""

    def since(self, version: int) -> dict[str, Any]:
        """What is newer; empty: nothing is."""
        if self.touched <= version:
            return {}
        return {
            **{kind: one.as_dict() for kind, one in self.latest.items() if one.version > version},
            **self.past.since(version),
        }


class Board:
    """Filled by the connection's thread, read by the pages'."""

    def __init__(self, where: str) -> None:
        """`where`: the broker."""
        self.where = where
        self._lock = threading.Lock()
        self._nodes: dict[str, Known] = {}
        self._sources: dict[tuple[str, str], Known] = {}
        self._broker: dict[str, Any] = {"where": where, "connected": False, "why": "has not answered yet", "since_ms": now_ms()}
        self._broker_version = 1
        self._version = 1
        self._forgot = 0
        """Version at which somebody was forgotten: who has seen less is told everything anew."""
        self.n_foreign = 0
        """What came on our topics and was no message of affectd."""

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    def connection(self, why: str | None) -> None:
        """The broker has let us in (None), or `why` it has not."""
        with self._lock:
            if (why is None) == self._broker["connected"] and why == self._broker["why"]:
                return
            since_ms = now_ms() if (why is None) != self._broker["connected"] else self._broker["since_ms"]
            self._version += 1
            self._broker = {**self._broker, "connected": why is None, "why": why, "since_ms": since_ms}
            self._broker_version = self._version

    def take(self, topic: str, payload: bytes, retained: bool, at_ms: int | None = None) -> None:
        """A message; `at_ms`: when it came, None: now. Whatever is in it, this does not raise."""
        levels = topic.split("/")[1:]
        body = body_of(payload) if len(payload) <= MOST_BYTES else None
        if body is None or not (2 <= len(levels) <= 3) or max(map(len, levels)) > MOST_NAME:
            self.n_foreign += 1
            return
        at_ms = now_ms() if at_ms is None else at_ms
        with self._lock:
            self._version += 1
            if len(levels) == 3 and levels[2] in OF_SOURCE:
                self._of_source(levels[0], levels[1], levels[2], body, retained, at_ms)
            elif len(levels) == 2 and levels[1] in OF_NODE:
                self._of_node(levels[0], levels[1], body, retained, at_ms)

    def knows(self, node: str, source: str) -> bool:
        """Whether there is such a source."""
        with self._lock:
            return (node, source) in self._sources

    def since(self, version: int) -> dict[str, Any]:
        """What has changed since a page saw that version; 0: everything. `version` in it is for the next time."""
        with self._lock:
            if version < self._forgot:
                version = 0
            told: dict[str, Any] = {"version": self._version, "now_ms": now_ms(), "whole": version == 0}
            if self._broker_version > version:
                told["broker"] = self._broker
            nodes: dict[str, Any] = {}
            for name, node in self._nodes.items():
                if node.touched > version:
                    nodes.setdefault(name, {}).update(node.since(version))
            for (name, source), known in self._sources.items():
                if known.touched > version:
                    nodes.setdefault(name, {}).setdefault("sources", {})[source] = known.since(version)
            return {**told, "nodes": nodes} if nodes else told

    def _of_source(self, node: str, source: str, kind: str, body: Mapping[str, Any], retained: bool, at_ms: int) -> None:
        known = self._sources.setdefault((node, source), Known())
        known.touched = self._version
        if kind == "state" and not retained:
            known.past.take_state(body, at_ms, self._version)
        elif kind == "episode":
            known.past.take_episode(body, at_ms, self._version)
        known.latest[kind] = Latest(self._version, at_ms, retained, bounded(body))
        self._nodes.setdefault(node, Known()).touched = self._version
        self._make_room()

    def _of_node(self, node: str, kind: str, body: Mapping[str, Any], retained: bool, at_ms: int) -> None:
        known = self._nodes.setdefault(node, Known())
        known.touched = self._version
        known.latest[kind] = Latest(self._version, at_ms, retained, bounded(body))
        if kind == "availability" and body.get("status") != "online":
            for (name, _), source in self._sources.items():
                if name == node:
                    source.past.end_episodes(at_ms, self._version)
                    source.touched = self._version
        self._make_room()

    def _make_room(self) -> None:
        """Who has been silent longest goes."""
        if len(self._sources) > MOST_SOURCES or len(self._nodes) > MOST_NODES:
            self._forgot = self._version
        while len(self._sources) > MOST_SOURCES:
            del self._sources[min(self._sources, key=lambda one: self._sources[one].touched)]
        while len(self._nodes) > MOST_NODES:
            name = min(self._nodes, key=lambda one: self._nodes[one].touched)
            del self._nodes[name]
            self._sources = {key: known for key, known in self._sources.items() if key[0] != name}


def now_ms() -> int:
    """Milliseconds since 1970, as the pages' clocks count."""
    return round(time.time() * 1000)
