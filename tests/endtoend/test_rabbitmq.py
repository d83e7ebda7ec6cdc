"""The delivery and RabbitMQ's MQTT plugin: a broker that nobody here wrote, and that has no MQTT 5 in Debian's version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import HURRY, NODE, await_that, delivering, message, outbox
from tests.daemon.wire import PATIENCE_S, Wire
from tests.fixtures.brokers.rabbitmq import PrivateRabbit, missing

WHY_NOT = missing()

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "")


@pytest.fixture(scope="module")
def rabbit() -> Iterator[PrivateRabbit]:
    """It forbids the states."""
    with PrivateRabbit(rf"^affectd\.{NODE}\.(availability|gap|driver\.(utterance|episode|set))$") as running:
        yield running


@pytest.fixture
def settings(rabbit: PrivateRabbit, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BrokerSettings:
    secret = tmp_path_factory.mktemp("secret") / "password"
    secret.write_text("secret\n")
    # RabbitMQ lets go of a name some time after its owner has gone
    name = f"{request.node.name[:40]}-{abs(hash(request.node.name))}"
    return BrokerSettings(port=rabbit.port, username="cabin", password_file=str(secret), client_id=name)


class Reader:
    """A subscriber that speaks 3.1.1. Use it as a context."""

    def __init__(self, port: int, topic: str = f"affectd/{NODE}/#") -> None:
        self.received: list[tuple[str, dict[str, object]]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"reader{id(self)}", protocol=paho.MQTTv311)
        self._client.username_pw_set("cabin", "secret")
        self._port = port
        self._topic = topic

    def __enter__(self) -> Reader:
        subscribed: list[bool] = []
        self._client.on_subscribe = lambda *_: subscribed.append(True)
        self._client.on_message = lambda _client, _data, one: self.received.append(
            (one.topic.rsplit("/", 1)[-1], json.loads(one.payload))
        )
        self._client.on_connect = self._subscribe
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        await_that(lambda: bool(subscribed))
        return self

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._topic, qos=1)

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, kind: str, key: str) -> list[object]:
        return [body[key] for name, body in list(self.received) if name == kind]


def test_events_arrive_in_order_over_3_1_1(rabbit: PrivateRabbit, settings: BrokerSettings) -> None:
    box = outbox()
    with Reader(rabbit.port) as reader, delivering(settings, box, patience_s=PATIENCE_S) as delivery:
        for number in range(300):
            box.commit(message(number=number))
        await_that(lambda: len(reader.of("utterance", "number")) >= 300 and not len(box))
        assert delivery.summary()["protocol"] == "3.1.1"
        assert delivery.summary()["connections"] == 1
    assert reader.of("utterance", "number") == list(range(300))


def test_availability_is_kept_and_the_end_is_told(rabbit: PrivateRabbit, settings: BrokerSettings) -> None:
    with delivering(settings, outbox(), patience_s=PATIENCE_S) as delivery:
        await_that(lambda: delivery.connected)
    # to a topic with a wildcard it gives nothing that it has kept
    with Reader(rabbit.port, f"affectd/{NODE}/availability") as later:
        await_that(lambda: later.of("availability", "status") == ["stopped"])


def test_a_connection_that_is_cut_loses_nothing_and_keeps_the_order(rabbit: PrivateRabbit, settings: BrokerSettings) -> None:
    box = outbox()
    with Reader(rabbit.port) as reader, Wire(rabbit.port) as wire:
        wire.mend()
        with delivering(replace(settings, port=wire.port), box, patience_s=PATIENCE_S) as delivery:
            for first in range(0, 200, 50):
                for number in range(first, first + 50):
                    box.commit(message(number=number))
                await_that(lambda: len(box) < 40)
                wire.cut()
                await_that(lambda: not delivery.connected)
                wire.mend()
            await_that(lambda: not len(box))
            await_that(lambda: len(set(reader.of("utterance", "number"))) == 200)
            assert "offline" in reader.of("availability", "status")
    assert list(dict.fromkeys(reader.of("utterance", "number"))) == list(range(200))


def test_what_it_forbids_is_found_put_aside_and_named_and_the_rest_arrives(
    rabbit: PrivateRabbit, settings: BrokerSettings
) -> None:
    """It hangs up on who publishes where it may not, and says no more."""
    box = outbox()
    with Reader(rabbit.port) as reader, delivering(settings, box, patience_s=PATIENCE_S):
        for number in range(20):
            box.commit(message("state" if number == 3 else "utterance", number))
        await_that(lambda: not len(box) and bool(reader.of("gap", "gaps")))
    assert list(dict.fromkeys(reader.of("utterance", "number"))) == [number for number in range(20) if number != 3]
    assert reader.of("gap", "gaps") == [[{"first_seq": 4, "last_seq": 4, "reason": "refused: the broker has hung up"}]]


def test_a_wrong_password_is_told(rabbit: PrivateRabbit, settings: BrokerSettings, caplog: pytest.LogCaptureFixture) -> None:
    box = outbox()
    box.commit(message())
    with delivering(replace(settings, username="nobody"), box, replace(HURRY, farewell_s=0.0), patience_s=0.0):
        await_that(lambda: "check the user name and the password file" in caplog.text)
    assert len(box) == 1
