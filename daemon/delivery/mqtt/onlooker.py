"""A client that looks on: what the broker retains and what comes while it is connected, nothing kept for it meanwhile."""

from __future__ import annotations

import logging
import random
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Callable, Sequence

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.connection import Arrived, Connection, Ended, Publication
from daemon.delivery.mqtt.protocol import ProtocolChoice
from daemon.settings import BrokerSettings

logger = logging.getLogger(__name__)

CONNECT_S = 10.0
STEP_S = 1.0
FIRST_RETRY_S = 0.5
STEADY_S = 10.0
LEAVE_S = 2.0


class Onlooker:
    """Connects, and again whenever the connection is lost; one thread does everything. Use it as a context.

    Each connection is a session of its own, so that the broker sends what it retains each time.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        topics: Sequence[str],
        on_message: Callable[[Arrived], None],
        on_connection: Callable[[str | None], None],
    ) -> None:
        """Both are called on the onlooker's thread; `on_connection` gets None once it is let in, else why it is not.

        Raises SettingsError for a file that is named and of no use.
        """
        access.check(settings)
        self._settings = replace(settings, session_expiry_s=0)
        self._client_id = f"affectd-onlooker-{secrets.token_hex(4)}"
        self._topics = topics
        self._on_message = on_message
        self._on_connection = on_connection
        self._choice = ProtocolChoice(settings.protocol)
        self._to_publish: SimpleQueue[Publication] = SimpleQueue()
        self._connected = self._stopping = False
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="onlooker", daemon=True)

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._wake_up()
        # it may hang in a name server or a handshake: it is left behind then
        self._thread.join(LEAVE_S)

    def publish(self, one: Publication) -> bool:
        """Send it now; False when there is no connection, and it is sent never. Any thread."""
        if not self._connected:
            return False
        self._to_publish.put(one)
        self._wake_up()
        return True

    # ---- the onlooker's thread ----

    def _run(self) -> None:
        pause_s = FIRST_RETRY_S
        while not self._stopping:
            began_s = time.monotonic()
            connection = self._connect()
            was_accepted = connection.accepted is not None
            if was_accepted and not connection.ended:
                self._use(connection)
            at_once = self._choice.ended(connection)
            if self._stopping:
                return
            self._on_connection((connection.ended or Ended("has hung up")).why)
            if not at_once:
                pause_s = FIRST_RETRY_S if was_accepted and time.monotonic() - began_s >= STEADY_S else pause_s
                self._pause(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2.0 * pause_s, max(FIRST_RETRY_S, self._settings.longest_retry_s))

    def _connect(self) -> Connection:
        keepalive_s = self._settings.keepalive_s
        connection = Connection(self._settings, self._client_id, self._choice.next, None, keepalive_s, CONNECT_S)
        connection.open()
        until_s = time.monotonic() + CONNECT_S
        while not (connection.accepted or connection.ended):
            connection.step(min(STEP_S, max(0.0, until_s - time.monotonic())), self._wake)
            if time.monotonic() >= until_s or self._stopping:
                connection.cut("does not answer")
        return connection

    def _use(self, connection: Connection) -> None:
        for topic in self._topics:
            connection.subscribe(topic)
        with suppress(Empty):
            while True:
                # what was asked of the connection before is too late
                self._to_publish.get_nowait()
        self._connected = True
        self._on_connection(None)
        try:
            while not (connection.ended or self._stopping):
                self._step(connection)
        finally:
            self._connected = False
        if not connection.ended:
            connection.hang_up()

    def _step(self, connection: Connection) -> None:
        happened = connection.step(STEP_S, self._wake)
        for one in happened.arrived:
            self._on_message(one)
        for topic in happened.not_subscribed:
            logger.error("the broker does not let us subscribe to %s: check its access rules", topic)
        with suppress(Empty):
            while True:
                connection.publish(self._to_publish.get_nowait())

    def _pause(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while not self._stopping and time.monotonic() < until_s:
            time.sleep(min(0.05, pause_s))

    def _wake_up(self) -> None:
        # a full buffer wakes, too
        with suppress(BlockingIOError):
            self._waker.send(b"!")
