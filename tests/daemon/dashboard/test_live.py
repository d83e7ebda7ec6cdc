"""What the live page is told, beside a real broker: at once, only what is new, and again after the broker was away."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import paho.mqtt.publish as publish
import pytest

from daemon.dashboard.live import MOST_WATCHING
from tests.daemon.dashboard.page import Served, served
from tests.daemon.wire import Watcher
from tests.fixtures.brokers.mosquitto import Mosquitto

STATE = {"label": "anger", "probabilities": {"anger": 0.7, "neutral": 0.3}, "speaking": True, "level_dbfs": -20.0}
HOSTILE = "<img src=x onerror=alert(1)>"
MOST_MESSAGES = 600


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, "allow_anonymous true") as one:
        yield one


@pytest.fixture
def page(broker: Mosquitto) -> Iterator[Served]:
    with served(broker.port) as one:
        await_told(one, lambda told: told.get("broker", {}).get("connected"))
        yield one


def await_told(page: Served, is_it: Callable[[dict[str, Any]], Any], **headers: str) -> dict[str, Any]:
    """The first message of a page that is so; a message comes every five seconds at least."""
    with page.told(**headers) as messages:
        for number, told in enumerate(messages):
            if is_it(told):
                return told
            assert number < MOST_MESSAGES
    raise AssertionError("the page was told nothing more")


def say(broker: Mosquitto, topic: str, body: Any, retain: bool = False) -> None:
    publish.single(topic, json.dumps(body).encode(), qos=1, retain=retain, hostname="127.0.0.1", port=broker.port)


def label_of(told: dict[str, Any], source: str = "driver") -> Any:
    return told.get("nodes", {}).get("car", {}).get("sources", {}).get(source, {}).get("state", {}).get("body", {}).get("label")


def test_what_the_broker_keeps_is_told_to_a_page_that_begins(broker: Mosquitto) -> None:
    say(broker, "affectd/car/driver/state", STATE, retain=True)
    with served(broker.port) as page:
        told = await_told(page, label_of)
    state = told["nodes"]["car"]["sources"]["driver"]["state"]
    assert state["retained"]
    assert "points" not in told["nodes"]["car"]["sources"]["driver"]


def test_what_is_new_is_told_and_nothing_else(broker: Mosquitto, page: Served) -> None:
    with page.told() as messages:
        assert next(messages)["whole"]
        say(broker, "affectd/car/driver/state", STATE)
        told = next(one for one in messages if label_of(one))
        assert not told["whole"]
        assert "broker" not in told
        assert len(told["nodes"]["car"]["sources"]["driver"]["points"]) == 1
        say(broker, "affectd/car/passenger/state", STATE)
        news = next(one for one in messages if "nodes" in one)
        assert list(news["nodes"]["car"]["sources"]) == ["passenger"]


def test_a_page_that_comes_back_goes_on_where_it_was(broker: Mosquitto, page: Served) -> None:
    say(broker, "affectd/car/driver/state", STATE)
    told = await_told(page, label_of)
    say(broker, "affectd/car/passenger/state", STATE)
    news = await_told(page, lambda one: "nodes" in one, Last_Event_ID=told["id"])
    assert not news["whole"]
    assert list(news["nodes"]["car"]["sources"]) == ["passenger"]
    assert await_told(page, lambda one: True, Last_Event_ID="of-another-life")["whole"]


def test_a_broker_that_goes_and_comes_is_told_with_the_reason(broker: Mosquitto, page: Served) -> None:
    say(broker, "affectd/car/driver/state", STATE)
    await_told(page, label_of)
    broker.kill()
    gone = await_told(page, lambda told: told.get("broker", {}).get("connected") is False)
    assert gone["broker"]["why"]
    # asked anew: a page open since before the loss is told of the broker alone
    assert label_of(await_told(page, lambda told: told["whole"])) == "anger"
    with broker:
        await_told(page, lambda told: told.get("broker", {}).get("connected"))
        say(broker, "affectd/car/driver/state", {**STATE, "label": "neutral"})
        await_told(page, lambda told: label_of(told) == "neutral")


def switch(page: Served, node: str, source: str, listening: Any) -> Any:
    body = json.dumps({"node": node, "source": source, "listening": listening}).encode()
    return page.ask("/api/listening", "POST", body, Content_Type="application/json")


@pytest.mark.parametrize("listening", [True, False])
def test_a_switch_is_a_command_to_the_source_and_is_not_retained(broker: Mosquitto, page: Served, listening: bool) -> None:
    say(broker, "affectd/car/driver/state", STATE)
    await_told(page, label_of)
    with Watcher(broker.port, "affectd/+/+/set") as watcher:
        assert switch(page, "car", "driver", listening).status == 202
        watcher.await_that(lambda: bool(watcher.received))
        [command] = watcher.received
    assert command.topic == "affectd/car/driver/set"
    assert command.body == {"listening": listening}
    assert not command.retain


@pytest.mark.parametrize(
    ("node", "source", "listening", "status"),
    [
        ("car", "nobody", True, 404),
        ("car", "driver", "yes", 400),
        ("car", "driver", None, 400),
        ("car", "+", True, 400),
        ("car/driver/set#", "x", True, 400),
        (HOSTILE, "driver", True, 400),
        (3, "driver", True, 400),
    ],
)
def test_a_switch_that_is_none_is_refused(
    page: Served, broker: Mosquitto, node: Any, source: str, listening: Any, status: int
) -> None:
    say(broker, "affectd/car/driver/state", STATE)
    say(broker, f"affectd/{HOSTILE}/driver/state", STATE)
    await_told(page, lambda told: HOSTILE in told.get("nodes", {}))
    answer = switch(page, node, source, listening)
    assert answer.status == status
    assert answer.json["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"[" * 2000, b"\xff", b'{"node": "car"}'])
def test_a_body_that_is_no_wish_is_refused(page: Served, body: bytes) -> None:
    assert page.ask("/api/listening", "POST", body).status == 400


def test_without_a_broker_a_switch_says_so(broker: Mosquitto, page: Served) -> None:
    say(broker, "affectd/car/driver/state", STATE)
    await_told(page, label_of)
    broker.kill()
    await_told(page, lambda told: told.get("broker", {}).get("connected") is False)
    answer = switch(page, "car", "driver", False)
    assert answer.status == 503
    assert "the broker cannot be reached" in answer.json["error"]


def test_a_page_that_only_looks_on_switches_nothing(broker: Mosquitto) -> None:
    with served(broker.port, may_switch=False) as page:
        assert switch(page, "car", "driver", False).status == 403
        assert await_told(page, lambda told: True)["may_switch"] is False


def test_more_pages_than_may_watch_are_told_so() -> None:
    with served() as page, ExitStack() as watching:
        for _ in range(MOST_WATCHING):
            next(watching.enter_context(page.told()))
        answer = page.ask("/api/live")
        assert answer.status == 503
        assert "close one" in answer.json["error"]
        assert page.ask("/").status == 200
