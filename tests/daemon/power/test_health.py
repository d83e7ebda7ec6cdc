"""What is taken from the service's /health, and joules an utterance."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.power.health import Health, Tally, health_of
from daemon.power.meter import Meter
from daemon.power.reading import Reading
from tests.daemon.contract import FIRST

SAMPLES = (FIRST / "health.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_health_message_since_the_first_day_is_understood(sample: str) -> None:
    body, found = json.loads(sample), health_of(sample.encode(), 3.0)
    assert found is not None
    assert (found.boot, found.heard_s, found.n_windows) == (body["boot"], 3.0, body["counters"]["windows"])
    assert found.n_utterances == body["latency_ms"]["utterance"]["count"]
    for stage in ("inference", "utterance"):
        assert found.latency_ms[stage] == {name: body["latency_ms"][stage][name] for name in ("p50", "p90", "p99", "max")}


def test_a_service_that_has_judged_nothing_yet_has_no_percentiles() -> None:
    body = {"boot": "a", "counters": {"windows": 0}, "latency_ms": {"inference": {"count": 0}, "utterance": {"count": 0}}}
    assert health_of(json.dumps(body).encode(), 0.0) == Health("a", 0.0, 0, 0, {"inference": {}, "utterance": {}})


@settings(max_examples=40)
@given(
    st.binary() | st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one)).map(json.dumps).map(str.encode)
)
def test_what_is_no_health_message_is_nothing(payload: bytes) -> None:
    assert health_of(payload, 0.0) is None


@pytest.mark.parametrize("wrong", [None, [], "much", -1, True, {"utterance": 3}, {"utterance": {"count": "9", "p50": "x"}}])
def test_a_figure_that_is_none_is_left_out(wrong: Any) -> None:
    found = health_of(json.dumps({"boot": "a", "counters": wrong, "latency_ms": wrong}).encode(), 0.0)
    assert found == Health("a", 0.0, 0, 0, {"inference": {}, "utterance": {}})


class Day:
    """A service and a meter, told second by second; ten watts."""

    def __init__(self) -> None:
        self.meter, self.tally, self.now_s, self.n = Meter(), Tally(), 0.0, 0

    def seconds(self, n_seconds: int, utterances: int = 0) -> Day:
        for _ in range(n_seconds):
            self.now_s += 1.0
            self.meter.add(Reading(taken_s=self.now_s, every_s=1.0, total_w=10.0))
        self.n += utterances
        return self

    def health(self, boot: str = "a") -> Day:
        self.tally.take(Health(boot, self.now_s, self.n, 0), self.meter)
        return self


def test_an_utterance_costs_what_was_drawn_between_two_messages() -> None:
    day = Day().seconds(30, utterances=9).health().seconds(10, utterances=2).health().seconds(10, utterances=3).health()
    assert day.tally.joules_an_utterance == pytest.approx(200.0 / 5)


def test_before_the_first_utterance_there_is_no_such_figure() -> None:
    assert Day().seconds(9).health().seconds(10).health().tally.joules_an_utterance is None


def test_a_restart_of_the_service_is_left_out() -> None:
    day = Day().seconds(9).health().seconds(10, utterances=2).health()
    day.n = 0
    day.seconds(50).health("b").seconds(10, utterances=2).health("b")
    assert (day.tally.energy_j, day.tally.n_utterances) == pytest.approx((200.0, 4))


def test_a_break_of_the_measurement_is_left_out_with_its_utterances() -> None:
    day = Day().seconds(9).health().seconds(10, utterances=2).health()
    day.now_s += 600.0
    day.seconds(10, utterances=40).health().seconds(10, utterances=2).health()
    assert (day.tally.energy_j, day.tally.n_utterances) == pytest.approx((200.0, 4))


def test_without_a_power_source_utterances_cost_nothing_that_is_known() -> None:
    day = Day()
    for _ in range(3):
        day.n += 2
        day.health()
    assert (day.tally.n_utterances, day.tally.joules_an_utterance) == (0, None)
