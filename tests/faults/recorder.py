"""A subscriber with a persistent session that writes down all it receives, in order."""

from __future__ import annotations

import hashlib
import json
import threading
from types import TracebackType
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.oracle import Gap, Item, Key
from tests.daemon.wire import PATIENCE_S

RETRY_S = 0.05
CATCH_UP_S = 300.0
"""A broker may have kept 100,000 messages for us."""
NUMBERED = ("utterance", "episode", "state", "gap")


def content_of(payload: bytes) -> str:
    """Short, and another for another message."""
    return hashlib.sha256(payload).hexdigest()[:16]


class Recorder:
    """Of all nodes. Use it as a context; it is subscribed once that is entered, and comes back when the broker does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self.items: list[Item] = []
        self.gaps: list[Gap] = []
        self.keys: set[Key] = set()
        self.markers: set[bytes] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="recorder", protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(RETRY_S, RETRY_S)  # type: ignore[arg-type]
        self._client.on_connect = lambda client, *_: client.subscribe([("affectd/#", 1), ("marker", 1)])
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Recorder:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 0xFFFFFFFF
        self._client.connect("127.0.0.1", self._port, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def await_that(self, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Until it holds; whether it does."""
        with self._changed:
            return self._changed.wait_for(holds, patience_s)

    def await_more(self, n_more: int) -> None:
        """Until so many more have come."""
        n_wanted = len(self.items) + n_more
        assert self.await_that(lambda: len(self.items) >= n_wanted), "nothing comes any more"

    def catch_up(self, port: int) -> None:
        """Until all that the broker has for us is here: it keeps the order, so what is sent now comes last."""
        marker = str(len(self.markers)).encode()
        sender = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        sender.connect("127.0.0.1", port)
        sender.loop_start()
        try:
            # again: a broker that has lost our session does not queue for us before we are back
            for _ in range(int(CATCH_UP_S)):
                sender.publish("marker", marker, qos=1).wait_for_publish(PATIENCE_S)
                if self.await_that(lambda: marker in self.markers, 1.0):
                    return
        finally:
            sender.disconnect()
            sender.loop_stop()
        raise AssertionError("the recorder does not hear the broker")

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        kind = message.topic.rsplit("/", 1)[-1]
        with self._changed:
            if kind == "marker":
                self.markers.add(payload)
            # a retained copy is the broker's last word from whenever, and no delivery
            elif kind in NUMBERED and not message.retain:
                self._record(json.loads(payload), payload)
            self._changed.notify_all()

    def _record(self, body: Any, payload: bytes) -> None:
        item = Item(body["boot"], body["seq"], body.get("source", ""), content_of(payload))
        self.items.append(item)
        self.keys.add(item.key)
        for gap in body.get("gaps", ()):
            self.gaps.append(Gap(gap["first_seq"], gap["last_seq"], gap["reason"]))
