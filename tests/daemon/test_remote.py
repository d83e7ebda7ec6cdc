"""The service over a real mosquitto: Home Assistant is told of it, commands reach it, events may come as CloudEvents."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import paho.mqtt.publish
import pytest
from jsonschema import Draft202012Validator

from daemon import assembly, serve
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from daemon.ports import Model
from daemon.settings import BrokerSettings, DecisionSettings, DiscoverySettings, NodeSettings, Settings, SourceSettings
from tests.daemon.contract import faults
from tests.daemon.delivery.home_assistant import DEVICE
from tests.daemon.wire import Received, Watcher
from tests.fixtures.stream_model import FILE

CONFIG = "homeassistant/device/affectd-n0de/config"
DRIVER_SET = "affectd/n0de/driver/set"


@pytest.fixture(scope="module")
def model() -> Model:
    return assembly.open_model(str(FILE))


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "HEALTH_EVERY_S", 0.2)


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as running:
        yield running


def settings(broker: PrivateBroker, protocol: str = "auto", **more: Any) -> Settings:
    sources = tuple(SourceSettings(name, recording=str(RECORDING)) for name in ("driver", "rear"))
    asked = Settings(
        node=NodeSettings("n0de"),
        broker=BrokerSettings(port=broker.port, protocol=protocol),
        decision=DecisionSettings(state_every_s=0.2),
        source=sources,
    )
    return replace(asked, **more)


@contextmanager
def running(asked: Settings, model: Model) -> Iterator[serve.Service]:
    stop = threading.Event()
    with serve.Service(asked, model) as service:
        thread = threading.Thread(target=service.run, args=(stop,))
        thread.start()
        try:
            yield service
        finally:
            stop.set()
            thread.join()


def publish(broker: PrivateBroker, topic: str, payload: str, retain: bool = False) -> None:
    paho.mqtt.publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=broker.port)


def listening(watcher: Watcher, source: str) -> list[bool]:
    return [one.body["listening"] for one in watcher.of("state") if one.body["source"] == source]


def kept(broker: PrivateBroker, topic: str) -> list[Received]:
    """What the broker gives to who subscribes only now; it gives all that at once, and the mark behind it."""
    with Watcher(broker.port, "#") as later:
        publish(broker, "mark", "{}")
        later.await_that(lambda: any(one.topic == "mark" for one in later.received))
        return [one for one in later.received if one.topic == topic and one.retain]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_home_assistant_is_told_again_when_it_comes_back_and_finds_it_retained(
    broker: PrivateBroker, model: Model, protocol: str
) -> None:
    with Watcher(broker.port, "#") as watcher, running(settings(broker, protocol), model):
        watcher.await_that(lambda: len([one for one in watcher.received if one.topic == CONFIG]) == 1)
        watcher.await_that(lambda: watcher.statuses() == ["online"])
        publish(broker, "homeassistant/status", "online")
        watcher.await_that(lambda: len([one for one in watcher.received if one.topic == CONFIG]) == 2)
        first, again = (one.payload for one in watcher.received if one.topic == CONFIG)
        assert first == again
        assert [fault.message for fault in Draft202012Validator(DEVICE).iter_errors(json.loads(first))] == []
    (one,) = kept(broker, CONFIG)
    assert one.payload == first


def test_switched_off_home_assistant_forgets_the_device(broker: PrivateBroker, model: Model) -> None:
    with Watcher(broker.port, "#") as watcher, running(settings(broker), model):
        watcher.await_that(lambda: any(one.topic == CONFIG for one in watcher.received))
    assert len(kept(broker, CONFIG)) == 1
    off = settings(broker, discovery=DiscoverySettings(enabled=False))
    with Watcher(broker.port, CONFIG) as watcher, running(off, model):
        watcher.await_that(lambda: [one.payload for one in watcher.received if not one.retain] == [b""])
    assert kept(broker, CONFIG) == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_command_switches_one_source_and_the_service_is_asked_again_after_a_restart(
    broker: PrivateBroker, model: Model, protocol: str
) -> None:
    asked = settings(broker, protocol)
    with Watcher(broker.port) as watcher:
        with running(asked, model):
            watcher.await_that(lambda: bool(listening(watcher, "driver")))
            publish(broker, DRIVER_SET, '{"listening": false}')
            watcher.await_that(lambda: listening(watcher, "driver")[-1] is False)
            n_rear = len(listening(watcher, "rear"))
            watcher.await_that(lambda: len(listening(watcher, "rear")) > n_rear + 2)
            health = watcher.of("health")
            watcher.await_that(lambda: watcher.of("health")[-1].body["sources"]["driver"]["listening"] is False)
            assert health[-1].body["sources"]["rear"]["listening"] is True
        n_driver = len(listening(watcher, "driver"))
        with running(asked, model):
            watcher.await_that(lambda: len(listening(watcher, "driver")) > n_driver)
            assert set(listening(watcher, "driver")[n_driver:]) == {False}
            publish(broker, DRIVER_SET, '{"listening": true}')
            watcher.await_that(lambda: listening(watcher, "driver")[-1] is True)
    assert set(listening(watcher, "rear")) == {True}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_is_refused_is_answered_and_a_retained_command_is(broker: PrivateBroker, model: Model, protocol: str) -> None:
    publish(broker, DRIVER_SET, '{"listening": false}', retain=True)
    with Watcher(broker.port) as watcher, running(settings(broker, protocol), model):
        watcher.await_that(lambda: any("refused_command" in one.body for one in watcher.of("health")))
        body = watcher.of("health")[-1].body
        assert "retained" in body["refused_command"]["reason"]
        publish(broker, "affectd/n0de/trunk/set", '{"listening": false}')
        watcher.await_that(lambda: watcher.of("health")[-1].body["commands"]["refused"] == 2)
        assert watcher.of("health")[-1].body["refused_command"]["source"] == "trunk"
        # a set that is no source's, and one of another node, are not even looked at
        publish(broker, "affectd/n0de/set", "x")
        publish(broker, "affectd/other/driver/set", "x")
        publish(broker, DRIVER_SET, "x")
        watcher.await_that(lambda: watcher.of("health")[-1].body["commands"]["refused"] == 3)
        assert set(listening(watcher, "driver")) == {True}


def test_a_flood_of_nonsense_is_counted_and_answered_now_and_then(broker: PrivateBroker, model: Model) -> None:
    with Watcher(broker.port) as watcher, running(settings(broker), model):
        watcher.await_that(lambda: bool(watcher.of("health")))
        began_s, n_health = time.monotonic(), len(watcher.of("health"))
        messages = [{"topic": DRIVER_SET, "payload": f"{number}", "qos": 1} for number in range(500)]
        paho.mqtt.publish.multiple(messages, hostname="127.0.0.1", port=broker.port)  # type: ignore[arg-type]
        watcher.await_that(lambda: watcher.of("health")[-1].body["commands"]["refused"] == 500)
        assert len(watcher.of("health")) - n_health <= (time.monotonic() - began_s) / serve.LEAST_BETWEEN_S + 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_come_as_cloudevents_where_that_is_asked_for(broker: PrivateBroker, model: Model, protocol: str) -> None:
    asked = settings(broker)
    asked = replace(asked, broker=replace(asked.broker, protocol=protocol, cloudevents=True))
    with Watcher(broker.port, "#") as watcher, running(asked, model):
        watcher.await_that(lambda: bool(watcher.of("state")) and bool(watcher.of("health")))
        watcher.await_that(lambda: any(one.topic == CONFIG for one in watcher.received))
    event = watcher.of("state")[0]
    assert event.body["type"] == "affectd.state.v1"
    assert faults("state", event.body["data"]) == []
    if protocol == "5":
        assert event.properties.ContentType == "application/cloudevents+json"
    # these speak of the connection and are no events
    assert faults("health", watcher.of("health")[0].body) == []
    assert faults("availability", watcher.of("availability")[0].body) == []
    (config,) = (one.body for one in watcher.received if one.topic == CONFIG)
    assert config["components"]["driver.mood"]["value_template"] == "{{ value_json.data.label }}"


def test_a_node_without_its_recordings_device_can_run_while_that_is_off(
    broker: PrivateBroker, model: Model, tmp_path: Path
) -> None:
    """Of no use, but the service stays within reach; switched on, it says what is missing."""
    asked = settings(broker, node=NodeSettings("n0de", str(tmp_path)))
    gone = replace(asked.source[0], recording=str(tmp_path / "gone.wav"))
    (tmp_path / "listening.json").write_text('{"schema": "affectd/listening/1", "off": ["driver"]}')
    with Watcher(broker.port) as watcher, running(replace(asked, source=(gone, asked.source[1])), model):
        watcher.await_that(lambda: listening(watcher, "driver") == [False])
        publish(broker, DRIVER_SET, '{"listening": true}')
        watcher.await_that(lambda: any("refused_command" in one.body for one in watcher.of("health")))
        assert "gone.wav: no such file" in watcher.of("health")[-1].body["refused_command"]["reason"]
        n_rear = len(listening(watcher, "rear"))
        watcher.await_that(lambda: len(listening(watcher, "rear")) > n_rear)
    assert set(listening(watcher, "driver")) == {False}
