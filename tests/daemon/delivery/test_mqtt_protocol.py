"""MQTT 5 and 3.1.1: which is spoken, what 5 adds, and the beginning and the end of connections."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon.delivery import cloudevents
from daemon.delivery.mqtt import MqttDelivery, access
from daemon.delivery.mqtt.wrapping import wrapped
from daemon.delivery.outbox.letter import as_letter
from daemon.demo.broker import PrivateBroker, free_port
from daemon.errors import SettingsError
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import AT, HURRY, NODE, await_that, delivering, message, outbox
from tests.daemon.wire import PATIENCE_S, Watcher, Wire
from tests.fixtures.brokers.mosquitto import Mosquitto
from tests.fixtures.brokers.scripted import Script, ScriptedBroker

FIVE, THREE = 5, 4
"""As they are on the wire."""


@pytest.mark.parametrize("knows_five", ["says no", "cannot read"])
def test_a_broker_that_has_no_5_and_says_so_is_spoken_to_in_3_for_good(knows_five: str) -> None:
    box = outbox()
    with ScriptedBroker(Script(knows_five=knows_five)) as broker, Wire(broker.port) as wire:
        wire.mend()
        with delivering(BrokerSettings(port=wire.port), box) as delivery:
            box.commit(message())
            await_that(lambda: not len(box))
            assert delivery.summary()["protocol"] == "3.1.1"
            wire.cut()
            await_that(lambda: not delivery.connected)
            wire.mend()
            box.commit(message())
            await_that(lambda: not len(box))
    assert broker.versions == [FIVE, THREE, THREE]


def test_a_broker_that_just_hangs_up_on_5_is_asked_for_it_again_with_the_next_connection() -> None:
    """It might have been one that was being started."""
    box = outbox()
    with ScriptedBroker(Script(knows_five="hangs up")) as broker, Wire(broker.port) as wire:
        wire.mend()
        with delivering(BrokerSettings(port=wire.port), box) as delivery:
            box.commit(message())
            await_that(lambda: not len(box))
            assert delivery.summary()["protocol"] == "3.1.1"
            broker.script.knows_five = "yes"
            wire.cut()
            await_that(lambda: not delivery.connected)
            wire.mend()
            await_that(lambda: delivery.summary()["protocol"] == "5")
            broker.script.knows_five = "hangs up"
            wire.cut()
            await_that(lambda: not delivery.connected)
            n_attempts = len(broker.versions)
            wire.mend()
            await_that(lambda: len(broker.versions) >= n_attempts + 3)
    assert broker.versions[:3] == [FIVE, THREE, FIVE]
    assert set(broker.versions[3:]) == {FIVE}, "it has 5: hanging up means something else"


@pytest.mark.parametrize(("protocol", "version"), [("5", FIVE), ("3.1.1", THREE)])
def test_a_version_that_is_set_is_the_only_one(protocol: str, version: int) -> None:
    with ScriptedBroker(Script(knows_five="says no")) as broker:
        with delivering(BrokerSettings(port=broker.port, protocol=protocol), outbox()) as delivery:
            await_that(lambda: len(broker.versions) >= (3 if protocol == "5" else 1))
            await_that(lambda: delivery.connected == (protocol == "3.1.1"))
        assert set(broker.versions) == {version}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x86, "refuses: Bad user name or password; check the user name and the password file"),
        (0x85, "refuses: Client identifier not valid; check [broker] client_id"),
        (0x88, "refuses: Server unavailable"),
        (0x8A, "refuses: Banned; ask its operator"),
    ],
)
def test_why_a_broker_refuses_is_said_once_and_tried_again(code: int, says: str, caplog: pytest.LogCaptureFixture) -> None:
    box = outbox()
    box.commit(message())
    script = Script(connack=code)
    with ScriptedBroker(script) as broker, delivering(BrokerSettings(port=broker.port, protocol="5"), box):
        await_that(lambda: len(broker.versions) > 5)
        assert caplog.text.count(f"broker 127.0.0.1:{broker.port} {says}: events are kept, I keep trying") == 1
        script.connack = 0
        await_that(lambda: not len(box))


def test_a_broker_that_takes_no_qos_1_is_told_and_gets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    box = outbox()
    box.commit(message())
    with ScriptedBroker(Script(grants=bytes([0x24, 0]))) as broker:
        with delivering(BrokerSettings(port=broker.port), box, patience_s=0.0):
            await_that(lambda: "takes no QoS 1, so it could lose events" in caplog.text)
        assert broker.published == []
    assert len(box) == 1


def test_a_broker_that_retains_nothing_is_not_asked_to() -> None:
    box = outbox()
    with ScriptedBroker(Script(grants=bytes([0x25, 0]), takes_retained=False)) as broker:
        settings = BrokerSettings(port=broker.port)
        with delivering(settings, box):
            box.commit(message("state"))
            await_that(lambda: not len(box))
    assert [one.retain for one in broker.published] == [False] * 3
    assert broker.versions == [FIVE, FIVE], "the last will was retained the first time"


def test_a_broker_that_wants_to_hear_of_us_more_often_does(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "allow_anonymous true", before=["max_keepalive 10"]) as broker:
        settings = BrokerSettings(port=broker.port, keepalive_s=60)
        with delivering(settings, outbox()) as delivery:
            await_that(lambda: delivery.connected)
            assert delivery._keepalive_s == 10
            assert delivery.summary()["connections"] == 1


def test_what_a_letter_has_waited_is_taken_off_its_expiry() -> None:
    letter = replace(as_letter(message("state"), "b00t", 7), age_s=100.5)
    assert wrapped(letter, NODE, 0.0, True, False).expiry_s == 200
    assert wrapped(letter, NODE, 20.0, True, False).expiry_s == 180
    assert wrapped(letter, NODE, 3600.0, True, False).expiry_s == 1
    assert wrapped(as_letter(message(), "b00t", 8), NODE, 3600.0, True, False).expiry_s is None


def test_cloudevents_have_their_own_content_type() -> None:
    letter = as_letter(message(at=AT), "b00t", 7)
    one = wrapped(letter, NODE, 0.0, True, True)
    assert one.content_type == cloudevents.CONTENT_TYPE
    assert json.loads(one.payload)["data"] == json.loads(letter.payload)


def is_subscribed(delivery: MqttDelivery) -> bool:
    """`online` goes out behind the subscriptions, and a broker works in order."""
    return delivery.connected and delivery._postman.n_answered > 0


def send(port: int, topic: str, payload: bytes, retain: bool = False) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_is_subscribed_arrives_and_after_a_new_connection_too(protocol: str) -> None:
    got: list[tuple[str, bytes, bool]] = []
    topic = f"affectd/{NODE}/driver/set"
    with PrivateBroker() as broker, Wire(broker.port) as wire:
        wire.mend()
        delivery = MqttDelivery(BrokerSettings(port=wire.port, protocol=protocol), NODE, outbox(), lambda: AT, HURRY)
        delivery.subscribe(f"affectd/{NODE}/+/set", lambda topic, payload, kept: got.append((topic, payload, kept)))
        delivery.start()
        await_that(lambda: is_subscribed(delivery))
        send(broker.port, topic, b"1")
        send(broker.port, f"affectd/{NODE}/driver/other", b"no")
        await_that(lambda: len(got) == 1)
        wire.cut()
        await_that(lambda: not delivery.connected)
        wire.mend()
        await_that(lambda: is_subscribed(delivery))
        send(broker.port, topic, b"2")
        await_that(lambda: len(got) == 2)
        delivery.stop(PATIENCE_S)
    assert got == [(topic, b"1", False), (topic, b"2", False)]


def test_a_command_that_comes_while_the_connection_is_lost_waits_in_the_session() -> None:
    """MQTT 5, for session_expiry_s; after a clean end no session is left."""
    got: list[bytes] = []
    topic = f"affectd/{NODE}/driver/set"
    with PrivateBroker() as broker, Wire(broker.port) as wire:
        wire.mend()
        for is_first in (True, False):
            delivery = MqttDelivery(BrokerSettings(port=wire.port), NODE, outbox(), lambda: AT, HURRY)
            delivery.subscribe(topic, lambda topic, payload, kept: got.append(payload))
            delivery.start()
            await_that(lambda: is_subscribed(delivery))  # noqa: B023
            if is_first:
                wire.cut()
                await_that(lambda: not delivery.connected)  # noqa: B023
                send(broker.port, topic, b"meanwhile")
                wire.mend()
                await_that(lambda: got == [b"meanwhile"])
            delivery.stop(PATIENCE_S)
            send(broker.port, topic, b"too late")
    assert got == [b"meanwhile"]


def test_a_callback_that_fails_is_told_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    box = outbox()

    def fail(*_: Any) -> None:
        raise RuntimeError("a mistake of ours")

    with PrivateBroker() as broker:
        delivery = MqttDelivery(BrokerSettings(port=broker.port), NODE, box, lambda: AT, HURRY)
        delivery.on_connected(fail)
        delivery.subscribe("x", fail)
        delivery.start()
        send(broker.port, "x", b"", retain=False)
        box.commit(message())
        await_that(lambda: not len(box))
        delivery.stop(PATIENCE_S)
    assert "a mistake of ours" in caplog.text


def test_online_comes_before_what_is_sent_at_a_connection_and_that_before_letters() -> None:
    box = outbox()
    box.commit(message())
    with ScriptedBroker() as broker:
        delivery = MqttDelivery(BrokerSettings(port=broker.port), NODE, box, lambda: AT, HURRY)
        delivery.on_connected(lambda: delivery.publish_now("homeassistant/device/x/config", b"{}", 1, True))
        delivery.start()
        await_that(lambda: not len(box))
        delivery.stop(PATIENCE_S)
    kinds = [one.topic.rsplit("/", 1)[-1] for one in broker.published]
    assert kinds == ["availability", "config", "utterance", "availability"]
    assert [json.loads(one.payload)["status"] for one in broker.of("availability")] == ["online", "stopped"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_stopped_is_said_although_the_broker_was_away_when_the_service_ended(protocol: str) -> None:
    box = outbox()
    with PrivateBroker() as broker, Watcher(broker.port) as watcher, Wire(broker.port) as wire:
        wire.mend()
        settings = BrokerSettings(port=wire.port, protocol=protocol)
        with delivering(settings, box, replace(HURRY, farewell_s=PATIENCE_S), PATIENCE_S) as delivery:
            await_that(lambda: delivery.connected)
            wire.cut()
            await_that(lambda: not delivery.connected)
            box.commit(message(number=1))
            threading.Timer(0.3, wire.mend).start()
        watcher.await_that(lambda: watcher.statuses()[-1:] == ["stopped"])
        wire.await_farewell()
        assert [one.body["number"] for one in watcher.of("utterance")] == [1]
    assert len(box) == 0


def test_the_end_does_not_wait_longer_than_it_may_for_a_broker_that_is_away() -> None:
    box = outbox()
    box.commit(message())
    delivery = MqttDelivery(BrokerSettings(port=free_port()), NODE, box, lambda: AT)
    delivery.start()
    began_s = time.monotonic()
    assert delivery.stop(0.2) == 1
    assert not delivery._thread.is_alive()
    assert time.monotonic() - began_s < PATIENCE_S


def test_a_credential_of_systemds_is_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = BrokerSettings(username="cabin", password_credential="mqtt")
    monkeypatch.delenv(access.CREDENTIALS, raising=False)
    with pytest.raises(SettingsError, match=r"^\[broker\] password_credential mqtt: \$CREDENTIALS_DIRECTORY is not set: give"):
        access.password_of(settings)
    access.check(settings)
    monkeypatch.setenv(access.CREDENTIALS, str(tmp_path))
    for one in (access.password_of, access.check):
        with pytest.raises(SettingsError, match="password_credential mqtt: cannot be read: No such file"):
            one(settings)
    (tmp_path / "mqtt").write_text("correct horse\nmore\n")
    assert access.password_of(settings) == "correct horse"


def test_a_password_is_in_no_log_and_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    with ScriptedBroker(Script(connack=0x86)) as broker:
        settings = BrokerSettings(port=broker.port, username="cabin", password_file=str(secret), protocol="5")
        with delivering(settings, outbox(), patience_s=0.0) as delivery:
            await_that(lambda: "refuses" in caplog.text)
            shown = repr(vars(delivery)) + repr(settings)
    secret.write_bytes(b"correct horse\xff")
    with pytest.raises(SettingsError) as refused:
        access.password_of(settings)
    assert refused.value.__cause__ is None
    for text in (caplog.text, shown, repr(refused.value)):
        assert "correct horse" not in text
