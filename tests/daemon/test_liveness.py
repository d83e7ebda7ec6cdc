"""The six states of a microphone: what each is followed by, that it is tried again for ever, and when."""

from __future__ import annotations

from typing import Iterator

import pytest

from daemon.capture.liveness import (
    EARLY,
    FAILED,
    HEALTHY,
    LATE_S,
    OPENING_S,
    RECOVERING,
    SILENT,
    SILENT_S,
    STALLED,
    STALLED_S,
    STATES,
    STEADY_S,
    WAITS_S,
)
from tests.daemon.microphone_life import FOLLOWS, LOOK_S, Microphone


@pytest.fixture
def microphone() -> Microphone:
    found = Microphone()
    assert found.liveness.wait_s(found.now_s) == 0.0, "the first try is due at once"
    found.open()
    return found


def test_the_table_names_the_six_states_and_no_other() -> None:
    assert set(FOLLOWS) == set(STATES)
    assert set().union(*FOLLOWS.values()) == set(STATES)


def test_sound_makes_it_healthy_and_no_try_is_due(microphone: Microphone) -> None:
    assert (microphone.state, microphone.liveness.deaf) == (RECOVERING, False)
    microphone.hear(0.02)
    assert (microphone.state, microphone.liveness.reason) == (HEALTHY, "")
    assert microphone.liveness.wait_s(microphone.now_s) is None
    assert microphone.counts.recoveries == 0, "it was not gone before"


def test_without_a_callback_for_a_second_it_is_stalled_and_tried_again_half_a_second_later(microphone: Microphone) -> None:
    microphone.hear(10.0)
    microphone.wait(STALLED_S - LOOK_S)
    assert microphone.state == HEALTHY
    microphone.wait(3 * LOOK_S)
    assert (microphone.state, microphone.counts.stalls) == (STALLED, 1)
    assert "nothing has come for 1 s" in microphone.liveness.reason
    wait_s = microphone.liveness.wait_s(microphone.now_s)
    assert wait_s is not None
    assert wait_s <= WAITS_S[0]


def test_who_was_held_up_itself_does_not_blame_the_microphone(microphone: Microphone) -> None:
    microphone.hear(10.0)
    microphone.now_s += 30.0
    microphone.liveness.passed(microphone.now_s)
    assert microphone.state == HEALTHY, "one look after a long time says little"
    microphone.wait(STALLED_S)
    assert microphone.state == STALLED


def test_what_comes_after_all_makes_a_stalled_one_healthy_and_it_is_not_opened_anew(microphone: Microphone) -> None:
    microphone.hear(10.0)
    microphone.wait(STALLED_S + 2 * LOOK_S)
    microphone.hear(0.02)
    assert (microphone.state, microphone.liveness.deaf) == (HEALTHY, False)
    assert microphone.liveness.wait_s(microphone.now_s) is None
    assert (microphone.counts.attempts, microphone.counts.recoveries) == (1, 1)


def test_late_sound_is_no_sound(microphone: Microphone) -> None:
    microphone.hear(10.0)
    microphone.hear(0.1, age_s=LATE_S + 0.01)
    assert (microphone.state, microphone.liveness.deaf, microphone.counts.stalls) == (STALLED, True, 1)
    microphone.hear(0.02, age_s=LATE_S - 0.01)
    assert microphone.state == HEALTHY


def test_digital_silence_is_told_and_any_other_sample_ends_it(microphone: Microphone) -> None:
    microphone.hear(1.0)
    microphone.hear(SILENT_S - 0.1, zeros=True)
    assert microphone.state == HEALTHY
    microphone.hear(0.2, zeros=True)
    assert (microphone.state, microphone.liveness.deaf, microphone.liveness.hears) == (SILENT, False, True)
    assert "muted" in microphone.liveness.reason
    microphone.hear(60.0, zeros=True)
    assert microphone.counts.silences == 1
    microphone.hear(0.02)
    assert microphone.state == HEALTHY


def test_silence_in_pieces_is_none(microphone: Microphone) -> None:
    for _ in range(5):
        microphone.hear(SILENT_S - 0.5, zeros=True)
        microphone.hear(0.02)
    assert microphone.counts.silences == 0


def test_tries_come_after_half_a_second_one_two_five_and_then_every_five_for_ever(microphone: Microphone) -> None:
    microphone.hear(10.0)
    microphone.liveness.lost(microphone.now_s, "unplugged")
    waits, took_s = [microphone.waited_for_a_try()], 0.3
    for _ in range(199):
        microphone.now_s += took_s
        microphone.liveness.lost(microphone.now_s, "not there")
        # counted from when the try before began
        waits.append(took_s + microphone.waited_for_a_try())
    for wait_s, nominal_s in zip(waits, [*WAITS_S, *[WAITS_S[-1]] * 196]):
        assert nominal_s * (1.0 - EARLY[1]) <= wait_s + 1e-9
        assert wait_s <= nominal_s * (1.0 - EARLY[0]) + 1e-9
    assert len(set(waits[4:])) > 100, "not all microphones at one moment"
    assert (microphone.counts.losses, microphone.counts.attempts) == (1, 201)


def test_a_try_that_took_longer_than_the_wait_is_followed_by_the_next_at_once(microphone: Microphone) -> None:
    microphone.now_s += 4.0
    microphone.liveness.failed(microphone.now_s, "another program holds it")
    assert microphone.liveness.wait_s(microphone.now_s) == 0.0


def test_the_row_begins_anew_once_it_was_heard_for_a_while(microphone: Microphone) -> None:
    def lose() -> float:
        microphone.liveness.lost(microphone.now_s, "unplugged")
        return microphone.waited_for_a_try()

    microphone.hear(10.0)
    assert [round(lose(), 1) <= nominal_s for nominal_s in WAITS_S] == [True] * 4
    microphone.hear(STEADY_S - 0.5)
    assert lose() > WAITS_S[2], "a loose contact is not tried ten times in a second"
    microphone.hear(STEADY_S + 0.1)
    assert lose() <= WAITS_S[0]


def test_an_opening_that_hangs_is_given_up_and_tried_again_at_once(microphone: Microphone) -> None:
    microphone.wait(OPENING_S - LOOK_S)
    assert microphone.state == RECOVERING
    microphone.wait(3 * LOOK_S)
    assert (microphone.state, microphone.liveness.wait_s(microphone.now_s)) == (STALLED, 0.0)
    assert "5 s after opening" in microphone.liveness.reason


def test_what_cannot_be_used_is_tried_again_like_what_is_not_there(microphone: Microphone) -> None:
    microphone.liveness.failed(microphone.now_s, "another program holds it")
    assert (microphone.state, microphone.liveness.reason) == (FAILED, "another program holds it")
    assert (microphone.counts.failures, microphone.counts.losses) == (1, 0)
    assert microphone.waited_for_a_try() <= WAITS_S[0]
    microphone.hear(1.0)
    assert (microphone.state, microphone.counts.recoveries) == (HEALTHY, 1)


def test_how_long_it_has_been_so_is_counted_from_the_change(microphone: Microphone) -> None:
    microphone.hear(0.02)
    began_s = microphone.now_s
    microphone.hear(10.0)
    assert microphone.liveness.since_s == began_s


def walk(start: str) -> Iterator[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for state in FOLLOWS[waiting.pop()] - reached:
            reached.add(state)
            waiting.append(state)
    yield from reached


@pytest.mark.parametrize("state", STATES)
def test_from_every_state_there_is_a_way_back_to_healthy(state: str) -> None:
    assert HEALTHY in set(walk(state))
