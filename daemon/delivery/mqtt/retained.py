"""Takes a retained message back: one visit to the broker, beside the service's own connection."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Callable

from daemon.delivery.mqtt.connection import Arrived, Connection, Publication
from daemon.delivery.mqtt.protocol import ProtocolChoice
from daemon.errors import BrokerError
from daemon.settings import BrokerSettings

PATIENCE_S = 10.0
"""To be let in, and for an acknowledgement."""
SEEN_S = 2.0
"""For what we have published to come back to us, who are subscribed."""
STEP_S = 0.5


@dataclass
class TakenBack:
    """What came of it."""

    was_there: bool = False
    is_seen: bool = True
    """False: we only know that the broker has acknowledged. It does not let us read the topic, or, in MQTT 3.1.1, not write."""


@dataclass
class _Heard:
    """All that the broker has said in this visit."""

    codes: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Reason code and its name, by message id."""
    arrived: list[Arrived] = field(default_factory=list)
    may_read: bool = True

    @property
    def sees_it_gone(self) -> bool:
        """What we have published has come back."""
        return any(not one.payload for one in self.arrived)


def take_back(settings: BrokerSettings, client_id: str, topic: str, patience_s: float = PATIENCE_S) -> TakenBack:
    """An empty retained message: the broker forgets the one before. Raises BrokerError, SettingsError.

    The client id must be nobody else's. The topic is read as well, where that is allowed: a broker of MQTT 3.1.1 acknowledges
    what it throws away.
    """
    where = f"broker {settings.host}:{settings.port}"
    connection = _let_in(replace(settings, session_expiry_s=0), client_id, where, patience_s)
    try:
        return _visit(connection, topic, where, patience_s)
    finally:
        connection.hang_up()


def _let_in(settings: BrokerSettings, client_id: str, where: str, patience_s: float) -> Connection:
    choice = ProtocolChoice(settings.protocol)
    while True:
        connection = Connection(settings, client_id, choice.next, None, settings.keepalive_s, patience_s)
        connection.open()
        _step_until(connection, _Heard(), partial(_is_accepted, connection), patience_s)
        if connection.accepted and not connection.ended:
            return connection
        connection.cut("does not answer")
        if not choice.ended(connection):
            raise BrokerError(f"{where} {connection.ended.why if connection.ended else ''}: nothing is removed")


def _is_accepted(connection: Connection) -> bool:
    return connection.accepted is not None


def _visit(connection: Connection, topic: str, where: str, patience_s: float) -> TakenBack:
    heard = _Heard()
    connection.subscribe(topic)
    mid = connection.publish(Publication(topic, b"", 1, True))
    _step_until(connection, heard, lambda: mid in heard.codes, patience_s)
    if mid is None or mid not in heard.codes:
        why = connection.ended.why if connection.ended else "does not acknowledge"
        raise BrokerError(f"{where} {why}: whether {topic} is removed is not known")
    code, name = heard.codes[mid]
    if code >= 0x80:
        raise BrokerError(f"{where} refuses ({name}): check its access rules for {topic}")
    _step_until(connection, heard, lambda: heard.sees_it_gone or not heard.may_read, SEEN_S)
    return TakenBack(any(one.payload and one.retained for one in heard.arrived), heard.sees_it_gone)


def _step_until(connection: Connection, heard: _Heard, holds: Callable[[], bool], patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    wake, waker = socket.socketpair()
    with wake, waker:
        while not (holds() or connection.ended or time.monotonic() >= until_s):
            happened = connection.step(min(STEP_S, until_s - time.monotonic()), wake)
            heard.codes.update({mid: (code, name) for mid, code, name in happened.acknowledged})
            heard.arrived += happened.arrived
            heard.may_read = heard.may_read and not happened.not_subscribed
