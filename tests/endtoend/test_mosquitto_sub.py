"""mosquitto_sub as the subscriber: each version of MQTT on our side and on its."""

from __future__ import annotations

import json
import subprocess
from typing import Iterator

import pytest

from daemon.demo.broker import PrivateBroker
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import NODE, await_that, delivering, message, outbox
from tests.daemon.wire import PATIENCE_S

N_EVENTS = 50


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as running:
        yield running


def subscribe(port: int, version: str, *more: str) -> list[str]:
    """A session that the broker keeps; it ends once all is there."""
    topic = ["-t", f"affectd/{NODE}/driver/utterance"]
    return ["mosquitto_sub", "-V", version, "-p", str(port), "-c", "-i", "sub", "-q", "1", *topic, "-W", "60", *more]


@pytest.mark.parametrize("version", ["5", "311"])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_all_comes_in_order_also_what_came_while_it_was_away(broker: PrivateBroker, protocol: str, version: str) -> None:
    box = outbox()
    # -E: it leaves once it is subscribed
    subprocess.run(subscribe(broker.port, version, "-E"), check=True, timeout=PATIENCE_S)
    with delivering(BrokerSettings(port=broker.port, protocol=protocol), box) as delivery:
        for number in range(N_EVENTS):
            box.commit(message(number=number))
        await_that(lambda: not len(box))
        command = subscribe(broker.port, version, "-C", str(N_EVENTS), "-F", "%q %r %t %p")
        got = subprocess.run(command, check=True, timeout=PATIENCE_S, stdout=subprocess.PIPE, text=True).stdout
        assert delivery.summary()["protocol"] == protocol
    lines = [line.split(" ", 3) for line in got.splitlines()]
    assert {tuple(line[:3]) for line in lines} == {("1", "0", f"affectd/{NODE}/driver/utterance")}
    assert [json.loads(line[3])["number"] for line in lines] == list(range(N_EVENTS))


def test_in_5_it_sees_what_stands_beside_the_json(broker: PrivateBroker) -> None:
    box = outbox()
    subprocess.run(subscribe(broker.port, "5", "-E"), check=True, timeout=PATIENCE_S)
    with delivering(BrokerSettings(port=broker.port), box):
        box.commit(message())
        await_that(lambda: not len(box))
        command = subscribe(broker.port, "5", "-C", "1", "-F", "%C|%P")
        got = subprocess.run(command, check=True, timeout=PATIENCE_S, stdout=subprocess.PIPE, text=True).stdout
    content_type, about = got.strip().split("|")
    assert content_type == "application/json"
    assert {"boot:b00t", "seq:1", "schema:affectd/utterance/1"} <= set(about.split())
