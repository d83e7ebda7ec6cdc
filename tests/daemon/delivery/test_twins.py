"""Two cabins that go by one name put each other out at the broker, say so, and lose nothing of what either says."""

from __future__ import annotations

import json
import logging

import pytest

from daemon.delivery.mqtt.delivery import TURNS
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker
from daemon.demo.subscriber import Subscriber
from daemon.settings import BrokerSettings, OutboxSettings
from tests.daemon.delivery.delivering import AT, NODE, await_that, delivering, message

N_MESSAGES = 5


def test_two_cabins_of_one_name_say_so_and_lose_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    came: list[tuple[str, int]] = []

    def receive(_topic: str, payload: str) -> None:
        body = json.loads(payload)
        came.append((body["boot"], body["seq"]))

    with PrivateBroker() as broker, Subscriber(broker.port, [f"affectd/{NODE}/driver/utterance"], receive):
        settings = BrokerSettings(port=broker.port)
        boxes = [Outbox(None, boot, OutboxSettings(), NODE, lambda: AT) for boot in ("one", "two")]
        with delivering(settings, boxes[0]) as one, delivering(settings, boxes[1]) as two:
            for number in range(N_MESSAGES):
                for box in boxes:
                    box.commit(message(number=number))
                await_that(lambda: not any(len(box) for box in boxes))
            await_that(lambda: min(each.summary()["cut_short"] for each in (one, two)) >= TURNS)
            await_that(lambda: len({*came}) == 2 * N_MESSAGES)
    assert {*came} == {(boot, seq) for boot in ("one", "two") for seq in range(1, N_MESSAGES + 1)}
    assert "perhaps another client has our name: give each its own [node] name" in caplog.text
