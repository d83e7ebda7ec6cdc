"""Delivery over MQTT: connects, and connects again, and lets the postman carry the letters of the outbox."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Sequence

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.commands import Callback, Commands
from daemon.delivery.mqtt.connection import Accepted, Connection, Publication
from daemon.delivery.mqtt.postman import Postman
from daemon.delivery.mqtt.protocol import ProtocolChoice
from daemon.delivery.mqtt.sayings import Sayings
from daemon.delivery.mqtt.wrapping import CONTENT_TYPE, PREFIX
from daemon.delivery.outbox import Outbox
from daemon.settings import BrokerSettings

logger = logging.getLogger(__name__)

STEP_S = 1.0
STEADY_S = 10.0
"""A connection that has held so long was a good one."""
ANSWERED_FAILURES = 4
STOP_RETRY_S = 0.2
NO_RETAIN = 0x9A
TURNS = 3
"""Connections cut short, one after the other, from which on another client with our name is thought of."""
FAREWELL_SHARE = 0.2
"""Of the patience with which it is stopped, kept for saying so."""


@dataclass(frozen=True)
class Pace:
    """How long is waited for a broker."""

    connect_s: float = 10.0
    """For an answer to a connection; for each step of the way to it, TCP and TLS, too."""
    answer_s: float = 20.0
    """For any acknowledgement while there are letters on their way: then a new connection is made."""
    first_retry_s: float = 0.5
    longest_retry_s: float = float("inf")
    """Less than the settings ask for, in a test."""
    again_s: float = 1.0
    """Until a letter that the broker refused is tried again; later longer."""
    farewell_s: float = 3.0
    """For a broker that is away when the service ends and has nothing left to deliver but `stopped`."""


class MqttDelivery:
    """Publishes the outbox, in order, QoS 1, and empties it as the broker acknowledges.

    One thread does everything: a connection is made, and after it the next one, until `stop`.
    """

    def __init__(
        self, settings: BrokerSettings, node: str, outbox: Outbox, at: Callable[[], str], pace: Pace | None = None
    ) -> None:
        """`at`: the date for availability messages. Raises SettingsError for a file in `settings` that is of no use."""
        access.password_of(settings)
        access.tls_context(settings)
        self._settings = settings
        self._node = node
        self._outbox = outbox
        self._at = at
        self._pace = pace or Pace()
        self._chance = random.Random()
        online = partial(self._availability, "online")
        self._postman = Postman(outbox, node, online, self._chance, self._pace.again_s, enveloped=settings.cloudevents)
        self._on_connected: list[Callable[[], None]] = []
        self._commands = Commands()
        self._connected = threading.Event()
        self._protocol: str | None = None
        self._n_connections = self._n_failed = self._n_cut_short = self._n_turns = 0
        self._choice = ProtocolChoice(settings.protocol)
        self._keepalive_s = settings.keepalive_s
        self._may_retain = True
        self._sayings = Sayings(f"{settings.host}:{settings.port}")
        self._stopping = threading.Event()
        self._said_farewell = False
        self._began_stopping_s = self._drain_until_s = self._until_s = float("inf")
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        outbox.on_commit = self._wake_up

    @property
    def connected(self) -> bool:
        """True while the broker answers."""
        return self._connected.is_set()

    def on_connected(self, callback: Callable[[], None]) -> None:
        """Called on the delivery thread after each accepted connection, after `online`."""
        self._on_connected.append(callback)

    def subscribe(self, topic: str, callback: Callback) -> None:
        """Call back on the delivery thread. Before `start`."""
        self._commands.on(topic, callback)

    def publish_now(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Send what is of no use later: dropped while not connected. Any thread."""
        if self.connected:
            self._postman.hand(Publication(topic, payload, qos, retain))
            self._wake_up()

    def summary(self) -> dict[str, Any]:
        """For /health."""
        return {
            "connected": self.connected,
            "protocol": self._protocol,
            "connections": self._n_connections,
            "refused": self._postman.n_refused,
            "cut_short": self._n_cut_short,
        }

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is waited for."""
        self._thread.start()

    def stop(self, patience_s: float) -> int:
        """Deliver what is left, for at most `patience_s`; say `stopped`; hang up. Letters that stay undelivered."""
        self._began_stopping_s = now_s = time.monotonic()
        self._drain_until_s = now_s + patience_s * (1.0 - FAREWELL_SHARE)
        self._until_s = now_s + patience_s
        self._stopping.set()
        self._wake_up()
        if self._thread.is_alive():
            # it may hang in a name server or a handshake: it is left behind then
            self._thread.join(patience_s + FAREWELL_SHARE)
        return len(self._outbox)

    # ---- the delivery thread ----

    def _run(self) -> None:
        while not self._over():
            at_once = False
            try:
                connection = self._connect()
                if connection.accepted and not connection.ended:
                    self._use(connection, connection.accepted)
                else:
                    self._n_failed += 1
                    self._may_retain = self._may_retain and not (connection.ended and connection.ended.code == NO_RETAIN)
                    self._sayings.waiting(connection.ended)
                at_once = self._choice.ended(connection)
            except Exception:
                # whatever it is, events must go on being delivered
                logger.exception("the delivery has failed: events are kept, I connect again")
                self._n_failed += 1
            if not at_once and not self._over():
                self._wait()

    def _over(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self._said_farewell or time.monotonic() >= self._until_s:
            return True
        if len(self._outbox):
            return False
        return not self._n_connections or time.monotonic() >= self._began_stopping_s + self._pace.farewell_s

    def _wait(self) -> None:
        """Longer after each failure, and by lot, so that not all cars come at once when a broker is back."""
        longest_s = min(self._settings.longest_retry_s, self._pace.longest_retry_s)
        most_s = min(longest_s, self._pace.first_retry_s * 2.0 ** min(max(0, self._n_failed - 1), 20))
        if not self._stopping.wait(most_s * self._chance.uniform(0.5, 1.0)):
            return
        time.sleep(max(0.0, min(STOP_RETRY_S, self._until_s - time.monotonic())))

    def _connect(self) -> Connection:
        """One attempt: a connection that is accepted, or has ended."""
        will = replace(self._availability("offline"), retain=self._may_retain)
        client_id = self._settings.client_id or f"{PREFIX}-{self._node}"
        connection = Connection(self._settings, client_id, self._choice.next, will, self._keepalive_s, self._pace.connect_s)
        connection.open()
        until_s = time.monotonic() + self._pace.connect_s
        while not (connection.accepted or connection.ended):
            connection.step(min(STEP_S, until_s - time.monotonic()), self._wake)
            if time.monotonic() >= min(until_s, self._until_s) and not connection.accepted:
                connection.cut("does not answer")
        granted = connection.accepted
        if granted and granted.max_qos < 1:
            connection.cut("takes no QoS 1, so it could lose events: it must be set up to")
        elif granted and granted.keepalive_s and granted.keepalive_s < self._keepalive_s:
            # paho 2.1 cannot change it in a connection
            self._keepalive_s = granted.keepalive_s
            connection.hang_up()
            return self._connect()
        return connection

    def _use(self, connection: Connection, granted: Accepted) -> None:
        """Deliver over it until it ends."""
        self._sayings.accepted(connection.protocol)
        self._protocol = connection.protocol
        self._n_connections += 1
        began_s = time.monotonic()
        postman = self._postman
        postman.begin(connection, granted, began_s)
        postman.hand(self._availability("online"))
        self._commands.subscribe(connection)
        self._outbox.name_gaps()
        self._connected.set()
        try:
            self._call(self._on_connected)
            self._work(connection)
        finally:
            self._connected.clear()
            self._rate(postman.n_taken > 0 or time.monotonic() - began_s >= STEADY_S, postman.n_answered > 0)
            if not connection.ended:
                connection.cut("cannot be served")
            self._commands.ended(connection)
            postman.ended()
        if not self._said_farewell:
            is_short = connection.hung_up_after_subscription and time.monotonic() - began_s < STEADY_S
            self._n_turns = self._n_turns + 1 if is_short else 0
            self._n_cut_short += is_short
            self._sayings.gone(connection.ended, by_turns=self._n_turns >= TURNS)

    def _rate(self, was_good: bool, was_answered: bool) -> None:
        """One that answers and hangs up, at some letter perhaps, is tried again sooner than one that does not answer."""
        most = ANSWERED_FAILURES if was_answered else self._n_failed + 1
        self._n_failed = 0 if was_good else min(self._n_failed + 1, most)

    def _work(self, connection: Connection) -> None:
        postman = self._postman
        while not connection.ended:
            now_s = time.monotonic()
            postman.post(now_s)
            if self._stopping.is_set() and (postman.idle or now_s >= self._drain_until_s):
                self._say_farewell(connection)
                return
            self._step(connection, postman.wait_s(now_s, self._pace.answer_s, STEP_S))
            if postman.silent_s(time.monotonic()) >= self._pace.answer_s:
                connection.cut(f"has acknowledged nothing for {self._pace.answer_s:g} s")

    def _step(self, connection: Connection, patience_s: float) -> None:
        happened = connection.step(patience_s, self._wake)
        self._postman.acknowledged(happened.acknowledged, time.monotonic())
        for one in happened.arrived:
            self._call(
                [partial(callback, one.topic, one.payload, one.retained) for callback in self._commands.wanting(one.topic)]
            )
        for topic in happened.not_subscribed:
            logger.error("the broker does not let us subscribe to %s: check its access rules", topic)

    def _call(self, callbacks: Sequence[Callable[[], None]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:
                logger.exception("what is to be done with a message has failed")

    def _say_farewell(self, connection: Connection) -> None:
        self._postman.finish(self._availability("stopped"))
        while not (connection.ended or self._postman.finished or time.monotonic() >= self._until_s):
            self._postman.post(time.monotonic())
            self._step(connection, min(STEP_S, self._until_s - time.monotonic()))
        if not connection.ended:
            self._said_farewell = True
            connection.hang_up()

    def _availability(self, status: str) -> Publication:
        body = {
            "schema": "affectd/availability/1",
            "node": self._node,
            "boot": self._outbox.boot,
            "at": self._at(),
            "status": status,
        }
        topic = f"{PREFIX}/{self._node}/availability"
        return Publication(topic, json.dumps(body, separators=(",", ":")).encode(), 1, True, CONTENT_TYPE)

    def _wake_up(self) -> None:
        # a full buffer wakes, too
        with suppress(BlockingIOError):
            self._waker.send(b"!")
