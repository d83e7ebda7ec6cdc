"""What stands between the service and the tests over MQTT: a wire that can be held and cut, and a subscriber."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.daemon.contract import wrong
from tests.fixtures.relay import Passage, Relay

PATIENCE_S = 60.0


class _Held(Passage):
    def __init__(self, client_passes: threading.Event, broker_passes: threading.Event) -> None:
        self._client_passes, self._broker_passes = client_passes, broker_passes

    def from_client(self, data: bytes) -> bytes:
        self._client_passes.wait()
        return data

    def from_broker(self, data: bytes) -> bytes:
        self._broker_passes.wait()
        return data


class Wire:
    """A TCP relay to a broker on loopback. Use it as a context; it begins cut."""

    def __init__(self, broker_port: int) -> None:
        self._client_passes, self._broker_passes = threading.Event(), threading.Event()
        self._relay = Relay(broker_port, lambda: _Held(self._client_passes, self._broker_passes))
        self.port = self._relay.port

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self.cut()

    @property
    def broker_port(self) -> int:
        """Where it leads to, from the next connection on."""
        return self._relay.broker_port

    @broker_port.setter
    def broker_port(self, port: int) -> None:
        self._relay.broker_port = port

    def mend(self) -> None:
        """From now on the broker can be reached."""
        self._client_passes.set()
        self._broker_passes.set()
        self._relay.open()

    def hold(self) -> None:
        """The broker hears nothing any more, and neither side is told."""
        self._client_passes.clear()

    def deafen(self) -> None:
        """The client hears nothing any more, and neither side is told."""
        self._broker_passes.clear()

    def await_farewell(self) -> None:
        """Until both sides of every connection have hung up by themselves, and each has heard all that the other said."""
        for connection in self._relay.served:
            connection.join(PATIENCE_S)
            assert not connection.is_alive(), "a connection is still open"

    def cut(self) -> None:
        """Both sides lose the connection without a farewell; the port is closed."""
        self._relay.close()


@dataclass(frozen=True)
class Received:
    """One message as the broker gave it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Any

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.payload)
        return body


class Watcher:
    """A subscriber to everything of ours, which holds each message against its schema in the end.

    Use it as a context; it is subscribed once that is entered.
    """

    def __init__(self, port: int, topic: str = "affectd/#") -> None:
        self._port = port
        self._topic = topic
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self.received: list[Received] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> Watcher:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._client.subscribe(self._topic, qos=1)
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if kind is None:
            assert [fault for one in self.received for fault in wrong(one.topic, one.payload)] == []

    def of(self, kind: str) -> list[Received]:
        """What has come on the topics that end like this."""
        return [one for one in self.received if one.topic.endswith(f"/{kind}")]

    def statuses(self) -> list[str]:
        """Of the availability messages."""
        return [one.body["status"] for one in self.of("availability")]

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Until it holds; fails when it never does."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE_S), [(one.topic, one.payload[:200]) for one in self.received[-5:]]

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        one = Received(message.topic, bytes(message.payload), message.qos, message.retain, message.properties)
        with self._changed:
            self.received.append(one)
            self._changed.notify_all()
