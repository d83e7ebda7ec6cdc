"""The connection of a process beside the service: it hears what the service says, and says what is of no use later.

It has no outbox, no will and no session: what cannot be delivered at once is dropped, and the service's availability is not
its own.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Callable, Sequence

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.connection import Arrived, Connection, Ended, Publication
from daemon.delivery.mqtt.protocol import ProtocolChoice
from daemon.delivery.mqtt.sayings import Sayings
from daemon.settings import BrokerSettings

logger = logging.getLogger(__name__)

STEP_S = 1.0
CONNECT_S = 10.0
FIRST_RETRY_S = 0.5
MOST_WAITING = 100
LEAVE_S = 1.0
Hear = Callable[[Arrived], None]


class Companion:
    """Connects, and again whenever the connection is lost. Use it as a context."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        topics: Sequence[str],
        hear: Hear,
        on_connection: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """`hear` is called on the connection's thread with each message; what the broker retains comes with each connection.

        `on_connection` is called there, too: with None once the broker has let us in, else with why it has not, or has hung
        up. Raises SettingsError for a file in `settings` that is of no use.
        """
        access.check(settings)
        self._settings = replace(settings, session_expiry_s=0)
        self._client_id = client_id
        self._topics = topics
        self._hear = hear
        self._on_connection = on_connection
        self._keepalive_s = settings.keepalive_s
        self._choice = ProtocolChoice(settings.protocol)
        self._sayings = Sayings(f"{settings.host}:{settings.port}", "I keep trying")
        self._waiting: deque[Publication] = deque(maxlen=MOST_WAITING)
        self._connected = threading.Event()
        self._ending = threading.Event()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._work, name="companion", daemon=True)

    def __enter__(self) -> Companion:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What was handed over is sent, and then we hang up."""
        self._ending.set()
        self._wake_up()
        # it may hang in an attempt to connect: it is left behind then
        self._thread.join(LEAVE_S)

    @property
    def connected(self) -> bool:
        """True while the broker answers."""
        return self._connected.is_set()

    def publish_now(self, topic: str, payload: bytes, qos: int = 0) -> bool:
        """Send it now; False while not connected: it is sent never. Any thread."""
        if not self.connected:
            return False
        self._waiting.append(Publication(topic, payload, qos, content_type="application/json"))
        self._wake_up()
        return True

    # ---- the connection's thread ----

    def _work(self) -> None:
        pause_s = FIRST_RETRY_S
        while not self._ending.is_set():
            connection = self._connect()
            if connection.accepted and not connection.ended:
                pause_s = FIRST_RETRY_S
                self._sayings.accepted(connection.protocol)
                self._use(connection)
                if not self._ending.is_set():
                    self._sayings.gone(connection.ended)
            else:
                self._sayings.waiting(connection.ended)
            self._on_connection((connection.ended or Ended("has hung up")).why)
            if self._choice.ended(connection):
                continue
            # all who have lost the same broker do not come back at once
            self._ending.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2.0 * pause_s, self._settings.longest_retry_s)

    def _connect(self) -> Connection:
        """One attempt: a connection that is accepted, or has ended."""
        connection = Connection(self._settings, self._client_id, self._choice.next, None, self._keepalive_s, CONNECT_S)
        connection.open()
        until_s = time.monotonic() + CONNECT_S
        while not (connection.accepted or connection.ended):
            connection.step(STEP_S, self._wake)
            if self._ending.is_set() or (time.monotonic() >= until_s and not connection.accepted):
                connection.cut("does not answer")
        if connection.accepted and connection.accepted.keepalive_s:
            # paho 2.1 cannot change it in a connection: in the next one
            self._keepalive_s = min(self._keepalive_s, connection.accepted.keepalive_s)
        return connection

    def _use(self, connection: Connection) -> None:
        for topic in self._topics:
            connection.subscribe(topic)
        self._connected.set()
        self._on_connection(None)
        try:
            while not connection.ended:
                while self._waiting:
                    connection.publish(self._waiting.popleft())
                if self._ending.is_set():
                    connection.hang_up()
                    return
                self._step(connection)
        finally:
            self._connected.clear()
            self._waiting.clear()

    def _step(self, connection: Connection) -> None:
        happened = connection.step(STEP_S, self._wake)
        for one in happened.arrived:
            try:
                self._hear(one)
            except Exception:
                logger.exception("what is to be done with a message has failed")
        for topic in happened.not_subscribed:
            logger.error("the broker does not let us subscribe to %s: check its access rules", topic)

    def _wake_up(self) -> None:
        # a full buffer wakes, too
        with suppress(BlockingIOError):
            self._waker.send(b"!")
