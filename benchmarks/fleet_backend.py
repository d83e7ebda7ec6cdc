"""Who receives what a fleet says, in a process of its own: over MQTT from mosquitto, over AMQP from RabbitMQ's queue."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.oracle import Item
from daemon.delivery.mqtt.subscriber import SessionSubscriber
from daemon.delivery.subscription import Arrived, Connected
from daemon.settings import BrokerSettings

PATIENCE_S = 600.0
UNREAD = 2000
TOPICS = ["affectd/+/+/utterance", "affectd/+/gap"]


@dataclass
class Received:
    """All of it, in the order of arrival."""

    items: dict[str, list[Item]] = field(default_factory=dict)
    """By node, those that came twice as well."""
    committed_ns: list[int] = field(default_factory=list)
    received_ns: list[int] = field(default_factory=list)
    """Of each first receipt, on the clock of all processes of this machine."""


class Backend:
    """Use it as a context; it is killed in the end."""

    def __init__(self, settings: list[BrokerSettings], queue_name: str | None) -> None:
        """`settings`: of the brokers that it may ask, one after the other. `queue_name`: None: over MQTT."""
        self._end, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._child = spawn.Process(target=_run, args=(settings, queue_name, theirs), daemon=True)

    def __enter__(self) -> Backend:
        self._child.start()
        assert self._ask("connected"), "the backend is not let in"
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.join()

    def count(self) -> int:
        """Different messages until now."""
        return int(self._ask("count"))

    def all(self) -> Received:
        """Everything."""
        received: Received = self._ask("all")
        return received

    def _ask(self, question: str) -> Any:
        self._end.send(question)
        assert self._end.poll(PATIENCE_S), f"no answer to {question}"
        return self._end.recv()


def _run(settings: list[BrokerSettings], queue_name: str | None, told: Connection) -> None:
    keeper = _Keeper()
    for one in settings:
        if queue_name is None:
            source: Any = SessionSubscriber(one, "bench-backend", TOPICS, n_unread=UNREAD)
        else:
            from daemon.collect.amqp import QueueSubscriber

            source = QueueSubscriber(one, queue_name, UNREAD)
        threading.Thread(target=keeper.listen, args=(source,), daemon=True).start()
    while True:
        question = told.recv()
        if question == "connected":
            told.send(keeper.connected.wait(PATIENCE_S))
        elif question == "count":
            told.send(len(keeper.received.received_ns))
        else:
            with keeper.lock:
                told.send(keeper.received)


class _Keeper:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connected = threading.Event()
        self.received = Received()
        self._seen: set[tuple[str, str, int]] = set()

    def listen(self, source: Any) -> None:
        with source:
            while True:
                event = source.next(1.0)
                if isinstance(event, Arrived):
                    with self.lock:
                        self._keep(event)
                    event.done()
                elif isinstance(event, Connected):
                    self.connected.set()

    def _keep(self, event: Arrived) -> None:
        now_ns = time.monotonic_ns()
        body = json.loads(event.payload)
        item = Item(body["boot"], body["seq"], body.get("source", ""), event.payload.decode()[-64:])
        self.received.items.setdefault(body["node"], []).append(item)
        key = (body["node"], *item.key)
        if key not in self._seen:
            self._seen.add(key)
            self.received.committed_ns.append(body.get("committed_ns", now_ns))
            self.received.received_ns.append(now_ns)
