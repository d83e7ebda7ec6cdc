"""Letters that the broker does not take: tried again, then put aside and named, and the rest goes on."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest

from daemon.delivery.mqtt.refusals import OWN_TRIES, STRIKES, STRIKES_AGAIN, STRIKES_TOLD
from daemon.events import Message
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import HURRY, NODE, await_that, delivering, message, outbox
from tests.daemon.wire import Watcher
from tests.fixtures.brokers.mosquitto import Mosquitto
from tests.fixtures.brokers.scripted import Answer, GoodBye, Published, Script, ScriptedBroker

FORBIDDEN, TOO_LARGE, QUOTA, SHUTTING_DOWN = 0x87, 0x95, 0x97, 0x8B


def poison(answer: Answer, number: int = 3) -> Callable[[Published], Answer]:
    """What is answered to that letter; all others are taken."""
    return lambda one: answer if json.loads(one.payload).get("number") == number else 0


def numbers(broker: ScriptedBroker) -> list[int]:
    return [json.loads(one.payload)["number"] for one in broker.of("utterance")]


def gaps(broker: ScriptedBroker) -> list[dict[str, object]]:
    return [gap for one in broker.of("gap") for gap in json.loads(one.payload)["gaps"]]


def five(broker: ScriptedBroker) -> BrokerSettings:
    return BrokerSettings(port=broker.port, protocol="5")


@pytest.mark.parametrize(
    ("code", "name"), [(FORBIDDEN, "Not authorized"), (TOO_LARGE, "Packet too large"), (0x99, "Payload format invalid")]
)
def test_a_letter_at_fault_is_tried_again_while_the_queue_goes_on_then_put_aside_and_named(code: int, name: str) -> None:
    box = outbox()
    with ScriptedBroker(Script(answer=poison(code))) as broker, delivering(five(broker), box) as delivery:
        for number in range(1, 31):
            box.commit(message(number=number))
        await_that(lambda: bool(gaps(broker)) and not len(box))
        summary = delivery.summary()
    assert [number for number in numbers(broker) if number != 3] == [1, 2, *range(4, 31)]
    assert numbers(broker).count(3) == OWN_TRIES
    assert gaps(broker) == [{"first_seq": 3, "last_seq": 3, "reason": f"refused: {name}"}]
    assert (summary["refused"], summary["connections"], box.summary()["put_aside"]) == (OWN_TRIES, 1, 1)


def test_a_letter_that_is_taken_after_all_is_not_put_aside() -> None:
    tries: list[int] = []

    def answer(one: Published) -> Answer:
        if poison(FORBIDDEN)(one):
            tries.append(1)
            return FORBIDDEN if len(tries) < OWN_TRIES else 0
        return 0

    box = outbox()
    with ScriptedBroker(Script(answer=answer)) as broker, delivering(five(broker), box):
        for number in range(1, 6):
            box.commit(message(number=number))
        await_that(lambda: not len(box))
    assert numbers(broker).count(3) == OWN_TRIES
    assert (gaps(broker), box.summary()["put_aside"]) == ([], 0)


def test_a_quota_is_waited_for_and_the_order_kept_and_nothing_put_aside() -> None:
    """The broker refuses everything for a while, which is no letter's fault."""
    refusals: list[int] = []

    def answer(one: Published) -> Answer:
        if "utterance" in one.topic and len(refusals) < 3 * STRIKES:
            refusals.append(1)
        if len(refusals) in range(1, 3 * STRIKES):
            return QUOTA
        return 0

    box = outbox()
    with ScriptedBroker(Script(answer=answer)) as broker, delivering(five(broker), box) as delivery:
        delivery._postman._pause_s = 0.001
        box.commit(message(number=1))
        await_that(lambda: bool(refusals))
        delivery._postman._pause_s = 0.001
        for number in range(2, 6):
            box.commit(message(number=number))
        await_that(lambda: shortened(delivery._postman) and not len(box))
    assert list(dict.fromkeys(numbers(broker))) == [1, 2, 3, 4, 5]
    assert box.summary()["put_aside"] == 0


def shortened(postman: object) -> bool:
    """The pauses double; tests have no time for that."""
    vars(postman)["_pause_s"] = 0.001
    vars(postman)["_paused_until_s"] = 0.0
    return True


def test_a_letter_that_alone_exceeds_a_quota_again_and_again_is_put_aside() -> None:
    box = outbox()
    with ScriptedBroker(Script(answer=poison(QUOTA))) as broker, delivering(five(broker), box) as delivery:
        for number in range(1, 31):
            box.commit(message(number=number))
        await_that(lambda: shortened(delivery._postman) and bool(gaps(broker)) and not len(box))
    assert list(dict.fromkeys(numbers(broker))) == list(range(1, 31))
    assert numbers(broker).count(3) == STRIKES
    assert gaps(broker) == [{"first_seq": 3, "last_seq": 3, "reason": "refused: Quota exceeded"}]


@pytest.mark.parametrize(
    ("protocol", "goodbye", "strikes", "why"),
    [
        ("3.1.1", GoodBye(), STRIKES, "the broker has hung up"),
        ("5", GoodBye(), STRIKES, "the broker has hung up"),
        ("5", GoodBye(TOO_LARGE), STRIKES_TOLD, "the broker has hung up: Packet too large"),
        ("5", GoodBye(FORBIDDEN), STRIKES_TOLD, "the broker has hung up: Not authorized"),
        ("5", GoodBye(SHUTTING_DOWN), STRIKES, "the broker has hung up: Server shutting down"),
    ],
)
def test_a_letter_at_which_the_broker_hangs_up_each_time_is_found_and_put_aside(
    protocol: str, goodbye: GoodBye, strikes: int, why: str
) -> None:
    box = outbox()
    with ScriptedBroker(Script(answer=poison(goodbye))) as broker:
        for number in range(1, 31):
            box.commit(message(number=number))
        with delivering(BrokerSettings(port=broker.port, protocol=protocol), box):
            await_that(lambda: bool(gaps(broker)) and not len(box))
    in_order = list(dict.fromkeys(numbers(broker)))
    assert in_order == list(range(1, 31)), "what was behind it came after it"
    # once with others, whom it might have been
    assert numbers(broker).count(3) == strikes + 1
    assert gaps(broker) == [{"first_seq": 3, "last_seq": 3, "reason": f"refused: {why}"}]


def test_of_a_topic_at_which_the_broker_hangs_up_each_further_letter_costs_little() -> None:
    box = outbox()
    with ScriptedBroker(Script(answer=lambda one: GoodBye() if one.topic.endswith("state") else 0)) as broker:
        settings = BrokerSettings(port=broker.port, protocol="3.1.1")
        with delivering(settings, box):
            for number in range(1, 4):
                box.commit(message("state", number))
                box.commit(message("utterance", number))
            await_that(lambda: len(gaps(broker)) == 3 and not len(box))
    tries = [sum(f'"seq":{seq},' in one.payload.decode() for one in broker.of("state")) for seq in (1, 3, 5)]
    assert tries[0] in (STRIKES, STRIKES + 1)
    assert tries[1:] == [STRIKES_AGAIN, STRIKES_AGAIN]
    assert list(dict.fromkeys(numbers(broker))) == [1, 2, 3]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_hangs_up_on_everything_costs_no_letter(protocol: str) -> None:
    box, n_seen = outbox(), 0

    def answer(one: Published) -> Answer:
        nonlocal n_seen
        n_seen += 1
        return GoodBye() if n_seen < 200 and n_seen % 3 == 0 else 0

    with ScriptedBroker(Script(answer=answer)) as broker:
        settings = BrokerSettings(port=broker.port, protocol=protocol)
        with delivering(settings, box):
            for number in range(1, 11):
                box.commit(message(number=number))
            await_that(lambda: not len(box))
            await_that(lambda: n_seen < 200 or not len(box))
    assert list(dict.fromkeys(numbers(broker))) == list(range(1, 11))
    assert box.summary()["put_aside"] == 0


def test_a_broker_that_never_acknowledges_is_left_and_asked_again() -> None:
    silent = {1, 2, 3}
    box = outbox()

    def answer(one: Published) -> Answer:
        return None if one.connection in silent and "utterance" in one.topic else 0

    with ScriptedBroker(Script(answer=answer)) as broker:
        pace = replace(HURRY, answer_s=0.05)
        with delivering(five(broker), box, pace) as delivery:
            for number in range(1, 6):
                box.commit(message(number=number))
            await_that(lambda: not len(box))
            assert delivery.summary()["connections"] == 4
    assert box.summary()["put_aside"] == 0
    assert numbers(broker) == [1, 2, 3, 4, 5] * 4


def test_no_more_is_open_than_the_broker_grants() -> None:
    waiting: list[int] = []
    held: list[Published] = []

    def answer(one: Published) -> Answer:
        held.append(one)
        return None

    box = outbox()
    receive_maximum = bytes([0x21, 0, 4])
    with ScriptedBroker(Script(grants=receive_maximum, answer=answer)) as broker, delivering(five(broker), box):
        for number in range(1, 31):
            box.commit(message(number=number))
        await_that(lambda: len(held) == 4)
        waiting.append(len(held))
    assert waiting == [4], "`online`, and three letters"


def test_what_is_larger_than_the_broker_takes_is_not_sent() -> None:
    box = outbox()
    max_packet = bytes([0x27, 0, 0, 2, 0])
    with ScriptedBroker(Script(grants=max_packet)) as broker, delivering(five(broker), box) as delivery:
        box.commit(message(number=1))
        box.commit(message(number=2, pad="x" * 512))
        box.commit(message(number=3))
        await_that(lambda: bool(gaps(broker)) and not len(box))
        assert delivery.summary()["connections"] == 1
    assert numbers(broker) == [1, 3]
    (gap,) = gaps(broker)
    assert (gap["first_seq"], gap["last_seq"]) == (2, 2)
    assert str(gap["reason"]).startswith("refused: packet too large: ")
    assert str(gap["reason"]).endswith("bytes, the broker takes 512")
    assert max(one.n_bytes for one in broker.published) <= 512


def test_what_can_never_be_sent_does_not_hold_up_the_rest() -> None:
    box = outbox()
    with ScriptedBroker() as broker, delivering(five(broker), box):
        box.commit(message(number=1))
        box.commit(Message("driver/#", message(number=2).body))
        box.commit(message(number=3))
        await_that(lambda: bool(gaps(broker)) and not len(box))
    assert numbers(broker) == [1, 3]
    assert [gap["first_seq"] for gap in gaps(broker)] == [2]


def test_the_farewell_waits_for_room() -> None:
    """A broker that grants little would hang up at one publication too many."""
    box, seen = outbox(), []

    def answer(one: Published) -> Answer:
        seen.append(one)
        return None if "utterance" in one.topic else 0

    with ScriptedBroker(Script(grants=bytes([0x21, 0, 3]), answer=answer)) as broker:
        settings = five(broker)
        with delivering(settings, box, patience_s=0.1):
            for number in range(1, 11):
                box.commit(message(number=number))
            await_that(lambda: len(broker.of("utterance")) == 3)
    assert len(seen) == 4
    assert len(box) == 10


def test_mosquittos_limit_of_a_message_is_told_and_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    box = outbox()
    with Mosquitto(tmp_path, "allow_anonymous true", before=["message_size_limit 400"]) as broker, Watcher(
        broker.port
    ) as watcher, delivering(BrokerSettings(port=broker.port), box):
        for number in range(1, 11):
            box.commit(message("state" if number == 3 else "utterance", number, pad="x" * (500 if number == 3 else 1)))
        await_that(lambda: not len(box))
        watcher.await_that(lambda: bool(watcher.of("gap")))
    assert [one.body["number"] for one in watcher.of("utterance")] == [1, 2, *range(4, 11)]
    assert watcher.of("gap")[0].body["gaps"] == [{"first_seq": 3, "last_seq": 3, "reason": "refused: Packet too large"}]


def test_mosquittos_limit_of_a_packet_is_kept_to(tmp_path: Path) -> None:
    box = outbox()
    with Mosquitto(tmp_path, "allow_anonymous true", before=["max_packet_size 600"]) as broker, Watcher(broker.port) as watcher:
        settings = BrokerSettings(port=broker.port)
        with delivering(settings, box) as delivery:
            for number in range(1, 11):
                box.commit(message(number=number, pad="x" * (900 if number == 3 else 1)))
            await_that(lambda: not len(box))
            watcher.await_that(lambda: bool(watcher.of("gap")))
            assert delivery.summary()["connections"] == 1
    assert [one.body["number"] for one in watcher.of("utterance")] == [1, 2, *range(4, 11)]


def test_a_refusal_is_said_once_and_what_to_check(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    box = outbox()
    with ScriptedBroker(Script(answer=lambda one: FORBIDDEN if "state" in one.topic else 0)) as broker:
        settings = five(broker)
        with delivering(settings, box):
            for number in range(1, 4):
                box.commit(message("state", number))
                await_that(lambda: not len(box))
    said = [one for one in caplog.text.splitlines() if "refuses" in one]
    assert len(said) == 1
    assert said[0].endswith(
        f"the broker refuses seq 1 on driver/state: Not authorized; check its access rules for affectd/{NODE}/#"
    )
