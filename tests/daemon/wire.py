"""What stands between the service and the tests over MQTT: a wire that can be held and cut, and a subscriber."""

from __future__ import annotations

import json
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.daemon.contract import wrong

PATIENCE_S = 60.0
HARD = struct.pack("ii", 1, 0)
"""SO_LINGER: a close tells the other side at once, and sends nothing more."""


class Wire:
    """A TCP relay to a broker on loopback. Use it as a context; it begins cut."""

    def __init__(self, broker_port: int) -> None:
        self.broker_port = broker_port
        self._passing = {"client": threading.Event(), "broker": threading.Event()}
        self._ends: list[socket.socket] = []
        self._passers: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self.cut()

    def mend(self) -> None:
        """From now on the broker can be reached."""
        for passing in self._passing.values():
            passing.set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def hold(self) -> None:
        """The broker hears nothing any more, and neither side is told."""
        self._passing["client"].clear()

    def deafen(self) -> None:
        """The client hears nothing any more, and neither side is told."""
        self._passing["broker"].clear()

    def await_farewell(self) -> None:
        """Until both sides of every connection have hung up by themselves, and each has heard all that the other said."""
        for passer in self._passers:
            passer.join(PATIENCE_S)
            assert not passer.is_alive(), "a connection is still open"

    def cut(self) -> None:
        """Both sides lose the connection without a farewell; the port is closed."""
        if self._listener is not None:
            _hang_up(self._listener)
            self._listener = None
        while self._ends:
            _hang_up(self._ends.pop())

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client = listener.accept()[0]
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                return
            self._ends += [client, broker]
            for one, other, passing in ((client, broker, self._passing["client"]), (broker, client, self._passing["broker"])):
                self._passers.append(threading.Thread(target=self._pass, args=(one, other, passing), daemon=True))
                self._passers[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket, passing: threading.Event) -> None:
        try:
            while True:
                data = one.recv(4096)
                passing.wait()
                if not data:
                    break
                other.sendall(data)
            # the end of what one side says, and no reset: a reset makes the other side forget what it has not read yet
            other.shutdown(socket.SHUT_WR)
        except OSError:
            return


def _hang_up(end: socket.socket) -> None:
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        end.close()


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
