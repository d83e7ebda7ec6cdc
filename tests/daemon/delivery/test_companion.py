"""The connection of a process beside the service: it gets what is retained at each connection, and comes back by itself."""

from __future__ import annotations

import queue
from pathlib import Path

import paho.mqtt.publish as publish
import pytest

from daemon.delivery.mqtt.companion import Companion
from daemon.delivery.mqtt.connection import Arrived
from daemon.errors import SettingsError
from daemon.settings import BrokerSettings
from tests.daemon.wire import PATIENCE_S, Watcher
from tests.fixtures.brokers.mosquitto import Mosquitto, passwords


class Heard:
    """What a companion has told."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self.connections: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def companion(self, port: int, **more: object) -> Companion:
        settings = BrokerSettings(port=port, longest_retry_s=0.5, **more)  # type: ignore[arg-type]
        return Companion(settings, "companion", ["a/+"], self.messages.put, self.connections.put)

    def await_connection(self) -> None:
        while self.connections.get(timeout=PATIENCE_S) is not None:
            pass


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_what_is_retained_comes_with_each_connection(tmp_path: Path, protocol: str) -> None:
    heard = Heard()
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {tmp_path}/")
    with Mosquitto(tmp_path, *lines) as broker:
        publish.single("a/b", b"kept", qos=1, retain=True, hostname="127.0.0.1", port=broker.port)
        with heard.companion(broker.port, protocol=protocol):
            heard.await_connection()
            one = heard.messages.get(timeout=PATIENCE_S)
            assert (one.topic, one.payload, one.retained) == ("a/b", b"kept", True)
            broker.stop()
            assert heard.connections.get(timeout=PATIENCE_S) is not None
            with broker:
                heard.await_connection()
                assert heard.messages.get(timeout=PATIENCE_S).payload == b"kept"
                publish.single("a/c", b"new", qos=1, hostname="127.0.0.1", port=broker.port)
                assert heard.messages.get(timeout=PATIENCE_S).payload == b"new"


def test_what_is_published_goes_out_at_once_or_never(tmp_path: Path) -> None:
    heard = Heard()
    with Mosquitto(tmp_path, "allow_anonymous true") as broker, Watcher(broker.port, "out/+") as watcher:
        companion = heard.companion(broker.port)
        assert not companion.publish_now("out/early", b"x")
        with companion:
            heard.await_connection()
            assert companion.publish_now("out/now", b"x")
            watcher.await_that(lambda: bool(watcher.received))
        assert not companion.publish_now("out/late", b"x")
        assert [one.topic for one in watcher.received] == ["out/now"]


def test_a_broker_that_refuses_is_told_with_its_reason_and_tried_again(tmp_path: Path) -> None:
    heard = Heard()
    with Mosquitto(tmp_path, passwords(tmp_path, page="secret")) as broker, heard.companion(broker.port):
        for _ in range(2):
            assert "refuses" in str(heard.connections.get(timeout=PATIENCE_S))


def test_nobody_there_is_told(tmp_path: Path) -> None:
    heard = Heard()
    with heard.companion(9):
        assert heard.connections.get(timeout=PATIENCE_S) == "is not there yet"


def test_a_file_that_is_of_no_use_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="password_file /nowhere"):
        Heard().companion(9, username="page", password_file="/nowhere")
