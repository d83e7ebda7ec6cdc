"""A subscriber like any other: it knows nothing of the service but its topics."""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from daemon.errors import BrokerError

CONNECT_S = 10.0


class Subscriber:
    """Hands the payload of each event on, as text. Use it as a context."""

    def __init__(self, port: int, topics: list[str], on_event: Callable[[str, str], None]) -> None:
        """`on_event` gets topic and payload; it is called from the subscriber's own thread."""
        self._port = port
        self._topics = topics
        self._on_event = on_event
        self._subscribed = threading.Event()
        self._arrived = threading.Condition()
        self._newest: dict[str, int] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Subscriber:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            raise BrokerError(f"the broker on port {self._port} has not answered a subscriber for {CONNECT_S:g} s")
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def await_event(self, boot: str, seq: int, patience_s: float) -> bool:
        """Wait until the event of that number has come; False when it does not."""
        with self._arrived:
            return self._arrived.wait_for(lambda: self._newest.get(boot, 0) >= seq, patience_s)

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        text = message.payload.decode()
        self._on_event(message.topic, text)
        body = json.loads(text)
        with self._arrived:
            self._newest[body["boot"]] = max(self._newest.get(body["boot"], 0), int(body["seq"]))
            self._arrived.notify_all()
