"""A broker that hangs up at a subscription: events go out all the same, and the one that is at fault is found."""

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


def test_hang_ups_with_an_answer_between_do_not_add_up() -> None:
    box, asked, states = outbox(), 0, 0

    def every_second(_qos: int) -> bool:
        nonlocal asked
        asked += 1
        return asked % 2 == 0

    def hang_up_at_the_first(one: Published) -> Answer:
        nonlocal states
        states += one.topic.endswith("state")
        return GoodBye() if one.topic.endswith("state") and states == 1 else 0

    script = Script(answer=hang_up_at_the_first, takes_subscription=every_second)
    with ScriptedBroker(script) as broker, hearing_commands(broker, "3.1.1", box) as delivery:
        all_go_out(broker, box, delivery)
        box.commit(message("state"))
        await_that(lambda: states > 1 and not len(box))
        assert broker.subscribed == [1, 1, 1, 1]


@pytest.mark.parametrize("takes", [lambda qos: qos == 0, lambda qos: False], ids=["qos 1 alone", "any"])
def test_a_letter_at_which_such_a_broker_hangs_up_is_found_all_the_same(takes: Callable[[int], bool]) -> None:
    box = outbox()

    def answer(one: Published) -> Answer:
        return GoodBye() if json.loads(one.payload).get("number") == 3 else 0

    for number in range(6):
        box.commit(message(number=number))
    with ScriptedBroker(Script(answer=answer, takes_subscription=takes)) as broker, hearing_commands(broker, "3.1.1", box):
        await_that(lambda: not len(box))
        came = [json.loads(one.payload)["number"] for one in broker.of("utterance")]
    assert box.summary()["put_aside"] == 1
    assert list(dict.fromkeys(came)) == list(range(6))
