"""A broker that hangs up at a subscription: events go out all the same, and none is blamed for it."""

from __future__ import annotations

import json
import logging
from typing import Callable

import pytest

from daemon.delivery.mqtt.commands import QOS
from daemon.delivery.mqtt.delivery import MqttDelivery
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import AT, HURRY, NODE, await_that, message, outbox
from tests.fixtures.brokers.scripted import Script, ScriptedBroker

N_LETTERS = 30


def delivered(broker: ScriptedBroker, protocol: str) -> tuple[list[int], int]:
    """Numbers that came, in order, each once; how many letters were put aside."""
    box = outbox()
    for number in range(N_LETTERS):
        box.commit(message(number=number))
    delivery = MqttDelivery(BrokerSettings(port=broker.port, protocol=protocol), NODE, box, lambda: AT, HURRY)
    delivery.subscribe(f"affectd/{NODE}/+/set", lambda topic, payload, retained: None)
    delivery.start()
    try:
        await_that(lambda: not len(box) and delivery.connected)
        return list(dict.fromkeys(json.loads(one.payload)["number"] for one in broker.of("utterance"))), box.summary()[
            "put_aside"
        ]
    finally:
        delivery.stop(1.0)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("takes", "asked", "said"),
    [
        (lambda qos: qos == 0, [1, 1, 0], "from now on with QoS 0"),
        (lambda qos: False, list(QOS), "hear no commands"),
    ],
    ids=["qos 1 alone", "any"],
)
def test_events_go_out_where_the_broker_hangs_up_at_subscriptions(
    protocol: str, takes: Callable[[int], bool], asked: list[int], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), ScriptedBroker(Script(takes_subscription=takes)) as broker:
        assert delivered(broker, protocol) == (list(range(N_LETTERS)), 0)
        assert broker.subscribed == asked
    assert said in caplog.text


def test_a_broker_that_hung_up_once_is_asked_for_qos_1_again() -> None:
    n_asked = 0

    def second(_qos: int) -> bool:
        nonlocal n_asked
        n_asked += 1
        return n_asked > 1

    with ScriptedBroker(Script(takes_subscription=second)) as broker:
        assert delivered(broker, "3.1.1") == (list(range(N_LETTERS)), 0)
        assert broker.subscribed == [1, 1]
