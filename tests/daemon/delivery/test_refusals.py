"""When a letter that the broker does not take is tried again, and when it is given up."""

from __future__ import annotations

import random

import pytest

from daemon.delivery.mqtt.refusals import (
    MOST_HELD_BACK,
    OWN_TRIES,
    STRIKES,
    STRIKES_AGAIN,
    STRIKES_TOLD,
    Refusals,
)

FORBIDDEN, TOO_LARGE = 0x87, 0x95
TOPIC = "driver/state"


def test_a_letter_at_fault_is_tried_a_few_times_each_later_than_the_last() -> None:
    refusals, now_s, waits = Refusals(again_s=1.0), 0.0, []
    while True:
        given_up = refusals.own_fault(7, TOPIC, FORBIDDEN, now_s)
        if given_up:
            break
        assert refusals.take_due(now_s) is None
        waits.append(refusals.next_due_s() - now_s)
        now_s = refusals.next_due_s()
        assert refusals.take_due(now_s) == 7
        assert refusals.take_due(now_s) is None, "it is on its way"
    assert given_up == [7]
    assert waits == [1.0, 5.0, 25.0]
    assert len(waits) == OWN_TRIES - 1
    assert refusals.held == {}


def test_the_next_letter_of_that_topic_has_one_try_until_one_is_taken() -> None:
    refusals = Refusals(again_s=1.0)
    for _ in range(OWN_TRIES):
        refusals.own_fault(1, TOPIC, FORBIDDEN, 0.0)
    assert refusals.own_fault(2, TOPIC, FORBIDDEN, 0.0) == [2]
    assert refusals.own_fault(3, TOPIC, TOO_LARGE, 0.0) == [], "another reason"
    assert refusals.own_fault(4, "driver/utterance", FORBIDDEN, 0.0) == [], "another topic"
    refusals.taken(5, TOPIC)
    assert refusals.own_fault(6, TOPIC, FORBIDDEN, 0.0) == []


def test_a_new_connection_asks_again_for_what_the_last_one_has_not_answered() -> None:
    refusals = Refusals(again_s=1.0)
    refusals.own_fault(1, TOPIC, FORBIDDEN, 0.0)
    assert refusals.take_due(1.0) == 1
    refusals.connected()
    assert refusals.take_due(1.0) == 1


def test_no_more_are_held_back_than_a_bound() -> None:
    refusals = Refusals(again_s=1.0)
    given_up = [refusals.own_fault(seq, TOPIC, FORBIDDEN, 0.0) for seq in range(1, MOST_HELD_BACK + 3)]
    assert [one for one in given_up if one] == [[1], [2]]
    assert len(refusals.held) == MOST_HELD_BACK


def test_after_a_hang_up_with_several_on_their_way_nobody_is_suspected_and_they_go_alone() -> None:
    refusals = Refusals(again_s=1.0)
    for _ in range(100):
        assert refusals.hung_up({3: TOPIC, 4: TOPIC, 9: TOPIC}, None) is None
    assert (refusals.suspect, refusals.alone_until) == (None, 9)


@pytest.mark.parametrize(("code", "strikes"), [(None, STRIKES), (0x8B, STRIKES), (TOO_LARGE, STRIKES_TOLD)])
def test_the_letter_at_which_the_broker_hangs_up_each_time_is_given_up(code: int | None, strikes: int) -> None:
    refusals = Refusals(again_s=1.0)
    given_up = [refusals.hung_up({7: TOPIC}, code) for _ in range(strikes)]
    assert given_up == [None] * (strikes - 1) + [7]
    assert refusals.suspect is None


def test_a_broker_that_hangs_up_on_other_things_too_acquits_the_letter() -> None:
    refusals = Refusals(again_s=1.0)
    for _ in range(20):
        for _ in range(STRIKES - 1):
            assert refusals.hung_up({7: TOPIC}, None) is None
        assert refusals.hung_up({}, None) is None
    refusals.hung_up({7: TOPIC}, None)
    refusals.taken(7, TOPIC)
    assert refusals.suspect is None


def test_the_next_letter_of_that_topic_needs_fewer_strikes_and_goes_alone_until_one_is_taken() -> None:
    refusals = Refusals(again_s=1.0)
    for _ in range(STRIKES):
        refusals.hung_up({7: TOPIC}, None)
    assert refusals.hangs_up_on(TOPIC)
    assert [refusals.hung_up({8: TOPIC}, None) for _ in range(STRIKES_AGAIN)] == [None] * (STRIKES_AGAIN - 1) + [8]
    refusals.taken(9, TOPIC)
    assert not refusals.hangs_up_on(TOPIC)


def test_a_broker_that_takes_nothing_for_now_has_not_refused_the_letter() -> None:
    refusals = Refusals(again_s=1.0)
    for _ in range(10 * STRIKES):
        assert not refusals.not_now(7, TOPIC)
        refusals.acquit()
    assert [refusals.not_now(7, TOPIC) for _ in range(STRIKES)] == [False] * (STRIKES - 1) + [True]


def test_a_broker_that_dies_at_random_costs_no_letter() -> None:
    """Before each try of a suspect something else is sent, of one to eight times its bytes: where it dies is by lot."""
    chance, refusals = random.Random(1), Refusals(again_s=1.0)
    for _ in range(100_000):
        n_controls = chance.randint(1, 8) if refusals.suspect else 0
        dies_at = chance.randrange(n_controls + 1)
        assert refusals.hung_up({7: TOPIC} if dies_at == n_controls else {}, None) is None
        if dies_at == n_controls and chance.random() < 0.5:
            refusals.taken(7, TOPIC)
