"""Delivery over a real mosquitto: order, acknowledgement, last will, and a broker that is late, gone or back again."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from typing import Callable, Iterator

import pytest

from daemon.delivery.mqtt import MqttDelivery, Pace
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker, free_port
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings
from tests.daemon.wire import PATIENCE_S, Watcher, Wire

NODE = "n0de"
AT = "2024-05-17T08:00:00.000Z"


def utterance(number: int) -> Message:
    head = {"schema": "affectd/utterance/1", "node": NODE, "source": "driver"}
    return Message("driver/utterance", {**head, "number": number})


def state(number: int) -> Message:
    head = {"schema": "affectd/state/1", "node": NODE, "source": "driver"}
    return Message("driver/state", {**head, "number": number}, retain=True, expiry_s=300)


@contextmanager
def delivering(port: int, outbox: Outbox, protocol: str = "5") -> Iterator[MqttDelivery]:
    pace = Pace(farewell_s=0.1)
    delivery = MqttDelivery(BrokerSettings(port=port, protocol=protocol), NODE, outbox, lambda: AT, pace)
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop(PATIENCE_S)


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as running:
        yield running


def commit(outbox: Outbox, first: int, last: int, make: Callable[[int], Message] = utterance) -> None:
    for number in range(first, last + 1):
        outbox.commit(make(number))


def numbers(watcher: Watcher) -> list[int]:
    return [one.body["number"] for one in watcher.of("utterance")]


def await_that(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_arrive_once_in_order_and_acknowledged(broker: PrivateBroker, protocol: str) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, delivering(broker.port, outbox, protocol):
        commit(outbox, 1, 300)
        watcher.await_that(lambda: len(numbers(watcher)) == 300)
        await_that(lambda: not len(outbox))
        assert numbers(watcher) == list(range(1, 301))
    first = watcher.of("utterance")[0]
    assert (first.topic, first.qos, first.retain) == ("affectd/n0de/driver/utterance", 1, False)
    assert [one.body["seq"] for one in watcher.of("utterance")] == list(range(1, 301))
    assert first.payload == (
        b'{"schema":"affectd/utterance/1","node":"n0de","source":"driver","boot":"b00t","seq":1,"number":1}'
    )


def test_mqtt_5_adds_content_type_expiry_boot_and_seq(broker: PrivateBroker) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, delivering(broker.port, outbox):
        outbox.commit(utterance(1))
        outbox.commit(state(2))
        watcher.await_that(lambda: bool(watcher.of("state")))
    for kind, seq in (("utterance", "1"), ("state", "2")):
        one = watcher.of(kind)[0]
        assert one.properties.ContentType == "application/json"
        assert one.properties.UserProperty == [("boot", "b00t"), ("seq", seq), ("schema", f"affectd/{kind}/1")]
    assert 0 < watcher.of("state")[0].properties.MessageExpiryInterval <= 300
    assert not hasattr(watcher.of("utterance")[0].properties, "MessageExpiryInterval")


def test_mqtt_3_has_it_all_in_the_json(broker: PrivateBroker) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, delivering(broker.port, outbox, "3.1.1"):
        outbox.commit(state(1))
        watcher.await_that(lambda: bool(watcher.of("state")))
    one = watcher.of("state")[0]
    assert (one.body["boot"], one.body["seq"]) == ("b00t", 1)
    assert not any(hasattr(one.properties, name) for name in ("ContentType", "UserProperty", "MessageExpiryInterval"))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_state_and_availability_are_there_for_who_comes_later(broker: PrivateBroker, protocol: str) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher:
        with delivering(broker.port, outbox, protocol):
            commit(outbox, 1, 3, state)
            outbox.commit(utterance(4))
        watcher.await_that(lambda: watcher.statuses()[-1:] == ["stopped"])
        assert watcher.statuses() == ["online", "stopped"]
    with Watcher(broker.port) as later:
        later.await_that(lambda: len(later.received) == 2)
    assert all(one.retain and one.qos == 1 for one in later.received)
    assert later.of("state")[0].body["number"] == 3
    assert json.loads(later.of("availability")[0].payload) == {
        "schema": "affectd/availability/1",
        "node": NODE,
        "boot": "b00t",
        "at": AT,
        "status": "stopped",
    }


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_connection_cut_hard_is_told_by_the_last_will_and_mended(broker: PrivateBroker, protocol: str) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, Wire(broker.port) as wire:
        wire.mend()
        with delivering(wire.port, outbox, protocol) as delivery:
            commit(outbox, 1, 5)
            watcher.await_that(lambda: len(numbers(watcher)) == 5)
            await_that(lambda: not len(outbox))
            wire.cut()
            watcher.await_that(lambda: watcher.statuses() == ["online", "offline"])
            await_that(lambda: not delivery.connected)
            commit(outbox, 6, 10)
            wire.mend()
            watcher.await_that(lambda: len(numbers(watcher)) == 10)
        watcher.await_that(lambda: watcher.statuses()[-1] == "stopped")
        # cut before the broker has heard the client hang up, the wire would bring the last will after all
        wire.await_farewell()
    assert numbers(watcher) == list(range(1, 11))
    assert watcher.statuses() == ["online", "offline", "online", "stopped"]


def test_a_broker_that_is_not_there_yet_is_waited_for_and_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Wire(free_port()) as nobody, delivering(nobody.port, outbox) as delivery:
        commit(outbox, 1, 100)
        await_that(lambda: "is not there yet" in caplog.text)
        assert f"broker 127.0.0.1:{nobody.port} is not there yet: events are kept, I keep trying" in caplog.text
        assert (delivery.connected, len(outbox)) == (False, 100)
        with PrivateBroker(nobody.broker_port) as broker, Watcher(broker.port) as watcher:
            nobody.mend()
            watcher.await_that(lambda: len(numbers(watcher)) == 100)
            assert numbers(watcher) == list(range(1, 101))
            await_that(lambda: not len(outbox))
    assert caplog.text.count("is not there yet") == 1


def in_order(got: list[int]) -> list[int]:
    """Without what came again, and in the order of what came first."""
    return list(dict.fromkeys(got))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("n_open", [1, 7, 60])
def test_a_broker_killed_half_way_loses_nothing_and_keeps_the_order(protocol: str, n_open: int) -> None:
    """`n_open` events are on their way when the broker dies, more are committed before it is back."""
    outbox = Outbox(None, "b00t", OutboxSettings())
    port = free_port()
    with Wire(port) as wire, delivering(wire.port, outbox, protocol) as delivery:
        with PrivateBroker(port) as broker, Watcher(port) as watcher:
            wire.mend()
            commit(outbox, 1, 50)
            watcher.await_that(lambda: len(numbers(watcher)) == 50)
            await_that(lambda: not len(outbox))
            wire.hold()
            commit(outbox, 51, 50 + n_open)
            await_that(lambda: len(delivery._postman._letters) == min(n_open, 20))
            broker._child.kill()
        assert numbers(watcher) == list(range(1, 51))
        wire.cut()
        await_that(lambda: not delivery.connected)
        commit(outbox, 51 + n_open, 200)
        with PrivateBroker(port), Watcher(port) as again:
            wire.mend()
            again.await_that(lambda: len(set(numbers(again))) == 150)
            await_that(lambda: not len(outbox))
    assert in_order(numbers(again)) == list(range(51, 201))


def test_new_events_do_not_overtake_those_that_are_sent_again(broker: PrivateBroker) -> None:
    """Even when the delivery is held up just after it has said that it is connected."""
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, Wire(broker.port) as wire:
        wire.mend()
        with delivering(wire.port, outbox) as delivery:
            delivery.on_connected(lambda: time.sleep(0.1))
            outbox.commit(utterance(1))
            watcher.await_that(lambda: numbers(watcher) == [1])
            await_that(lambda: not len(outbox))
            wire.hold()
            commit(outbox, 2, 6)
            await_that(lambda: len(delivery._postman._letters) == 5)
            wire.cut()
            await_that(lambda: not delivery.connected)
            wire.mend()
            await_that(lambda: delivery.connected)
            commit(outbox, 7, 15)
            watcher.await_that(lambda: len(numbers(watcher)) == 15)
    assert numbers(watcher) == list(range(1, 16))


def test_an_acknowledgement_that_was_lost_brings_the_event_twice(broker: PrivateBroker) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, Wire(broker.port) as wire:
        wire.mend()
        with delivering(wire.port, outbox) as delivery:
            await_that(lambda: delivery.connected)
            wire.deafen()
            commit(outbox, 1, 10)
            watcher.await_that(lambda: len(numbers(watcher)) == 10)
            assert len(outbox) == 10
            wire.cut()
            await_that(lambda: not delivery.connected)
            commit(outbox, 11, 15)
            wire.mend()
            watcher.await_that(lambda: len(numbers(watcher)) == 25)
    assert numbers(watcher) == [*range(1, 11), *range(1, 16)]


def test_what_cannot_be_delivered_is_counted() -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    delivery = MqttDelivery(BrokerSettings(port=free_port()), NODE, outbox, lambda: AT)
    delivery.start()
    commit(outbox, 1, 3)
    assert delivery.stop(0.1) == 3


def test_health_is_sent_once_and_only_while_the_broker_answers(broker: PrivateBroker) -> None:
    outbox = Outbox(None, "b00t", OutboxSettings())
    with Watcher(broker.port) as watcher, Wire(broker.port) as wire, delivering(wire.port, outbox) as delivery:
        delivery.publish_now(f"affectd/{NODE}/health", b'{"number":1}')
        wire.mend()
        await_that(lambda: delivery.connected)
        delivery.publish_now(f"affectd/{NODE}/health", b'{"number":2}')
        watcher.await_that(lambda: bool(watcher.of("health")))
    assert [(one.topic, one.payload, one.qos, one.retain) for one in watcher.of("health")] == [
        ("affectd/n0de/health", b'{"number":2}', 0, False)
    ]
