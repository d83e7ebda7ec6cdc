"""The settings for RabbitMQ, one node of them: a cabin keeps to its own tree, and a quorum queue feeds the collectors."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Iterator

import pytest

from benchmarks.fleet_brokers import settings
from benchmarks.rabbits import QUEUE, Rabbits, missing
from daemon.__main__ import main
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings
from tests.fleet.archives import keys, n_rows
from tests.fleet.collecting import PATIENCE_S, Collecting, await_that

AT = "2026-11-20T12:00:00.000Z"
UTTERANCE = {"schema": "affectd/utterance/1", "source": "driver", "at": AT, "label": "anger"}

pytestmark = [pytest.mark.skipif(missing() is not None, reason=str(missing())), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def rabbits() -> Iterator[Rabbits]:
    with Rabbits(1, ["one", "two"]) as rabbits:
        yield rabbits


def settings_of(rabbits: Rabbits, name: str) -> BrokerSettings:
    # its own session: else one cabin would put the other out
    return replace(settings(rabbits.certificates, name, rabbits.nodes[0].mqtt_port), client_id=f"affectd-{name}")


def arguments(rabbits: Rabbits, *more: str) -> list[str]:
    certificates = rabbits.certificates
    files = ["--ca-file", f"{certificates}/authority.pem", "--cert-file", f"{certificates}/collector.pem"]
    files += ["--key-file", f"{certificates}/collector.key"]
    return ["--broker", f"127.0.0.1:{rabbits.nodes[0].amqp_port}", "--tls", *files, "--queue", QUEUE, *more]


def log(rabbits: Rabbits) -> str:
    return "".join(path.read_text(errors="replace") for path in (rabbits.nodes[0].home / "log").glob("*.log"))


class Cabin:
    """The service's own outbox and delivery, with a certificate that may be another cabin's. Use it as a context."""

    def __init__(self, rabbits: Rabbits, certificate: str, node: str, boot: str = "b1") -> None:
        self.outbox = Outbox(None, boot, OutboxSettings(), node, lambda: AT)
        self._node = node
        self.delivery = MqttDelivery(settings_of(rabbits, certificate), node, self.outbox, lambda: AT)
        self.heard: list[str] = []

    def __enter__(self) -> Cabin:
        self.delivery.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.delivery.stop(2.0)
        self.outbox.close()

    def subscribe(self, topic: str) -> Cabin:
        self.delivery.subscribe(topic, lambda topic, _payload, _retained: self.heard.append(topic))
        return self

    def say(self, n_times: int = 1) -> None:
        for _ in range(n_times):
            self.outbox.commit(Message("driver/utterance", {**UTTERANCE, "node": self._node}))


def test_a_cabin_that_writes_into_anothers_tree_is_refused_and_its_own_is_taken(rabbits: Rabbits, tmp_path: Path) -> None:
    with Collecting(tmp_path, *arguments(rabbits)), Cabin(rabbits, "one", "two") as thief, Cabin(
        rabbits, "two", "two", "b2"
    ) as cabin:
        thief.say()
        cabin.say()
        await_that(lambda: n_rows(tmp_path) > 0)
        # RabbitMQ hangs up at whoever publishes what he may not
        await_that(lambda: thief.delivery.summary()["connections"] >= 1 and not thief.delivery.connected)
        assert len(thief.outbox) == 1
    assert keys(tmp_path) == [("two", "b2", 1)]


@pytest.mark.parametrize("topic", ["affectd/two/driver/utterance", "affectd/+/driver/utterance", "affectd/#", "#"])
def test_a_cabin_that_subscribes_to_anothers_tree_is_refused_and_hears_nothing(rabbits: Rabbits, topic: str) -> None:
    spy, cabin = Cabin(rabbits, "one", "one").subscribe(topic), Cabin(rabbits, "two", "two").subscribe("affectd/two/#")
    with spy, cabin:
        # RabbitMQ hangs up, sometimes before its answer is out, and says why in its log
        bound = topic.replace("/", ".").replace("+", "*")
        await_that(
            lambda: f"access to topic '{bound}' in exchange 'amq.topic' in vhost '/' refused for user 'one'" in log(rabbits)
        )
        cabin.say()
        await_that(lambda: "affectd/two/driver/utterance" in cabin.heard)
    assert spy.heard == []


def test_the_queue_is_a_quorum_queue_and_keeps_what_comes_while_no_collector_is_there(rabbits: Rabbits, tmp_path: Path) -> None:
    assert "quorum" in rabbits.control("list_queues", "name", "type", "durable")
    with Cabin(rabbits, "one", "one", "away") as cabin:
        cabin.say(20)
        await_that(lambda: len(cabin.outbox) == 0)
    with Collecting(tmp_path, *arguments(rabbits)) as collecting:
        await_that(lambda: n_rows(tmp_path) >= 20 and len([key for key in keys(tmp_path) if key[1] == "away"]) == 20)
        collecting.end()


def has_at_least(folder: Path, n_messages: int) -> bool:
    return n_rows(folder) >= n_messages


def test_collectors_of_one_queue_that_are_killed_lose_nothing(rabbits: Rabbits, tmp_path: Path) -> None:
    chance, n_sent = random.Random(10), 0
    with Cabin(rabbits, "one", "one", "killed") as cabin, Collecting(tmp_path, *arguments(rabbits)) as other:
        for _ in range(2):
            with Collecting(tmp_path, *arguments(rabbits)) as collecting:
                n_more = chance.randint(50, 150)
                cabin.say(n_more)
                n_sent += n_more
                await_that(partial(has_at_least, tmp_path, n_sent // 4))
                collecting.kill()
        await_that(lambda: len([key for key in keys(tmp_path) if key[1] == "killed"]) == n_sent)
        other.end()
    assert [seq for _, boot, seq in keys(tmp_path) if boot == "killed"] == list(range(1, n_sent + 1))


def test_a_queue_that_is_not_there_and_one_that_is_not_ours_are_named(
    rabbits: Rabbits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["collect", "--into", str(tmp_path), "--wait", str(PATIENCE_S)]
    assert main([*place, *arguments(rabbits, "--queue", "elsewhere")]) == 4
    assert "elsewhere" in capsys.readouterr().err.splitlines()[-1]
