"""What we hear over the connections: topics that are subscribed, with a weaker wish where the broker does not bear it."""

from __future__ import annotations

import logging
from typing import Callable

from paho.mqtt.client import topic_matches_sub

from daemon.delivery.mqtt.connection import Connection

logger = logging.getLogger(__name__)

Callback = Callable[[str, bytes, bool], None]
"""Topic, payload, and whether the broker had kept it."""

QOS = (1, 1, 0, 0)
"""In one connection after the other, while each ends before the broker answers; in the next one nothing is subscribed, since
events must go on. RabbitMQ 3.10 is left with queues that it can neither use nor replace when one of its nodes dies; those for
QoS 0 are others. What a connection has begun with it keeps to its end."""


class Commands:
    """For the delivery thread alone, but for `on`, which comes before it."""

    def __init__(self) -> None:
        self._callbacks: list[tuple[str, Callback]] = []
        self._n_unanswered = 0

    def on(self, topic: str, callback: Callback) -> None:
        """Call back with what comes there."""
        self._callbacks.append((topic, callback))

    def subscribe(self, connection: Connection) -> None:
        """At the beginning of each."""
        n = self._n_unanswered
        if n >= len(QOS):
            logger.error("the connection ends whenever I subscribe: over this one I send, and hear no commands")
            self._n_unanswered = 0
            return
        if n and QOS[n] < QOS[n - 1]:
            logger.warning("the connection ends when I subscribe to commands: now with QoS %d", QOS[n])
        for topic, _ in self._callbacks:
            connection.subscribe(topic, QOS[n])

    def ended(self, connection: Connection) -> None:
        """What the next connection learns from it."""
        if connection.awaits_subscription:
            self._n_unanswered += 1
        else:
            # of a network that breaks off the wish has to recover: after a connection with less, QoS 1 has one more try
            self._n_unanswered = 0 if QOS[self._n_unanswered] else QOS.index(0) - 1

    def wanting(self, topic: str) -> list[Callback]:
        """Those to call back."""
        return [callback for subscribed, callback in self._callbacks if topic_matches_sub(subscribed, topic)]
