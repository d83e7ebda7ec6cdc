"""Counters and histograms: every time is counted once, under the least bound that holds it, and memory does not grow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.events import Message
from daemon.service.histogram import BOUNDS_S, Histogram
from daemon.service.metrics import KEPT, STAGES, Metrics


@given(st.lists(st.one_of(st.sampled_from(BOUNDS_S), st.floats(0.0, 100.0))))
def test_each_bound_counts_what_did_not_exceed_it(times_s: list[float]) -> None:
    histogram = Histogram()
    for seconds in times_s:
        histogram.add(seconds)
    told = histogram.cumulative()
    assert told == [(bound, sum(seconds <= bound for seconds in times_s)) for bound in (*BOUNDS_S, float("inf"))]
    assert histogram.sum_s == sum(times_s)


def utterance(total_ms: float) -> Message:
    latency_ms = {**dict.fromkeys(STAGES, 1.0), "hang_over": 800.0, "total": total_ms}
    return Message("driver/utterance", {"latency_ms": latency_ms})


def test_an_utterances_stages_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.committed(utterance(804.0), 1)
    metrics.committed(Message("driver/state", {}), 2)
    assert metrics.messages == {"utterance": 1, "state": 1}
    assert {stage: times_s.sum_s for stage, times_s in metrics.stages_s.items()} == {
        "hang_over": 0.8,
        "block": 0.001,
        "queue": 0.001,
        "front_end": 0.001,
        "inference": 0.001,
        "total": 0.804,
        "after_gate": 0.004,
    }
    assert metrics.utterance_ms.summary()["max"] == 4.0


def test_a_delivery_is_timed_where_its_commit_is_known() -> None:
    metrics = Metrics()
    metrics.committed(Message("driver/state", {}), 7)
    metrics.acknowledged([7])
    metrics.acknowledged([6, 7 + KEPT])  # an earlier run's; one that was never committed here
    assert metrics.delivery_s.cumulative()[-1][1] == 1
    for seq in range(8, 8 + KEPT):
        metrics.committed(Message("driver/state", {}), seq)
    metrics.acknowledged([7])  # so many others came since
    metrics.acknowledged(range(8, 8 + KEPT))
    assert metrics.delivery_s.cumulative()[-1][1] == 1 + KEPT
