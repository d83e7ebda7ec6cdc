"""A broker that hangs up at a subscription: events go out all the same, and none is blamed for it."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import Callable, Iterator

import pytest

from daemon.delivery.mqtt.commands import QOS
from daemon.delivery.mqtt.delivery import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import AT, HURRY, NODE, await_that, message, outbox
from tests.fixtures.brokers.scripted import Answer, GoodBye, Published, Script, ScriptedBroker

N_LETTERS = 30


@contextmanager
def hearing_commands(broker: ScriptedBroker, protocol: str, box: Outbox) -> Iterator[MqttDelivery]:
    delivery = MqttDelivery(BrokerSettings(port=broker.port, protocol=protocol), NODE, box, lambda: AT, HURRY)
    delivery.subscribe(f"affectd/{NODE}/+/set", lambda topic, payload, retained: None)
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop(1.0)


def all_go_out(broker: ScriptedBroker, box: Outbox, delivery: MqttDelivery) -> None:
    for number in range(N_LETTERS):
        box.commit(message(number=number))
    await_that(lambda: not len(box) and delivery.connected)
    came = [json.loads(one.payload)["number"] for one in broker.of("utterance")]
    assert list(dict.fromkeys(came)) == list(range(N_LETTERS))
    assert box.summary()["put_aside"] == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("takes", "asked", "said"),
    [(lambda qos: qos == 0, [1, 1, 0], "now with QoS 0"), (lambda qos: False, list(QOS), "hear no commands")],
    ids=["qos 1 alone", "any"],
)
def test_events_go_out_where_the_broker_hangs_up_at_subscriptions(
    protocol: str, takes: Callable[[int], bool], asked: list[int], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    box = outbox()
    caplog.set_level(logging.WARNING)
    with ScriptedBroker(Script(takes_subscription=takes)) as broker, hearing_commands(broker, protocol, box) as delivery:
        all_go_out(broker, box, delivery)
        assert broker.subscribed == asked
    assert said in caplog.text


def test_after_a_connection_with_qos_0_the_next_one_tries_qos_1_once() -> None:
    box, hung_up = outbox(), False

    def hang_up_once(one: Published) -> Answer:
        nonlocal hung_up
        if hung_up or not one.topic.endswith("state"):
            return 0
        hung_up = True
        return GoodBye()

    script = Script(answer=hang_up_once, takes_subscription=lambda qos: qos == 0)
    with ScriptedBroker(script) as broker, hearing_commands(broker, "3.1.1", box) as delivery:
        # what a broker has said before it hangs up may be lost on the way: so it hangs up once it was heard
        all_go_out(broker, box, delivery)
        box.commit(message("state"))
        await_that(lambda: hung_up and not len(box))
        assert broker.subscribed == [1, 1, 0, 1, 0]


def test_a_broker_that_hung_up_once_is_asked_for_qos_1_again() -> None:
    n_asked = 0

    def second(_qos: int) -> bool:
        nonlocal n_asked
        n_asked += 1
        return n_asked > 1

    box = outbox()
    with ScriptedBroker(Script(takes_subscription=second)) as broker, hearing_commands(broker, "3.1.1", box) as delivery:
        all_go_out(broker, box, delivery)
        assert broker.subscribed == [1, 1]
