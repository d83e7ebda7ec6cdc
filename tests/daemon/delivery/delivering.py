"""A delivery under test, and letters for it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from daemon.delivery.mqtt import MqttDelivery, Pace
from daemon.delivery.outbox import Outbox
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings
from tests.daemon.wire import PATIENCE_S

NODE = "n0de"
AT = "2024-05-17T08:00:00.000Z"
HURRY = Pace(connect_s=5.0, answer_s=5.0, first_retry_s=0.005, longest_retry_s=0.02, again_s=0.01, farewell_s=0.1)


def outbox() -> Outbox:
    return Outbox(None, "b00t", OutboxSettings(), NODE, lambda: AT)


@contextmanager
def delivering(settings: BrokerSettings, box: Outbox, pace: Pace = HURRY, patience_s: float = 1.0) -> Iterator[MqttDelivery]:
    delivery = MqttDelivery(settings, NODE, box, lambda: AT, pace)
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop(patience_s)


def message(kind: str = "utterance", number: int = 0, **more: Any) -> Message:
    head = {"schema": f"affectd/{kind}/1", "node": NODE, "source": "driver"}
    return Message(f"driver/{kind}", {**head, "number": number, **more}, kind == "state", 300 if kind == "state" else None)


def await_that(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.005)
