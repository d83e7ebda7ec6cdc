"""The judge sees each fault that it is there for, and lets pass what is promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.oracle import Gap, Item, judge


def items(*seqs: int, boot: str = "b1", source: str = "driver") -> list[Item]:
    return [Item(boot, seq, source, f"number {seq}") for seq in seqs]


def test_all_that_was_committed_came() -> None:
    verdict = judge(items(1, 2, 3), items(1, 2, 3))
    assert (verdict.committed, verdict.received, verdict.duplicated, verdict.lost, verdict.faults) == (3, 3, 0, [], [])


def test_more_may_come_than_was_said_to_be_durable_and_again() -> None:
    verdict = judge(items(1, 2), items(1, 2, 3, 1, 2, 3, 4))
    assert (verdict.committed, verdict.received, verdict.duplicated, verdict.faults) == (2, 4, 3, [])


def test_sources_may_overtake_each_other_and_the_row_goes_on_over_boots() -> None:
    mixed = [*items(2), *items(1, source="rear"), *items(4, boot="b2"), *items(3, source="rear"), *items(5, boot="b2")]
    assert judge(mixed, mixed).faults == []


def test_what_a_gap_record_names_is_not_lost() -> None:
    verdict = judge(items(1, 2, 3, 4), items(1, 4), [Gap(2, 3, "full")])
    assert (verdict.named, verdict.lost, verdict.faults) == (2, [], [])


def test_what_came_all_the_same_is_not_counted_as_named() -> None:
    assert judge(items(1, 2), items(1, 2), [Gap(1, 1, "full")]).named == 0


def test_what_the_broker_had_is_no_fault_of_the_senders() -> None:
    verdict = judge(items(1, 2, 3), items(1, 3), acknowledged=[("b1", 1), ("b1", 2)])
    assert (verdict.with_the_broker, verdict.lost, verdict.faults) == (1, [], [])
    assert "1 lost by the broker" in verdict.figures()


@pytest.mark.parametrize(
    ("received", "gaps", "says"),
    [
        (items(1, 2, 3), [], "1 lost, from ('b1', 4) on"),
        ([], [], "4 lost, from ('b1', 1) on"),
        (items(1, 2, 3), [Gap(5, 9, "full")], "1 lost"),
        (items(1, 2, 4), [], "1 lost, from ('b1', 3) on"),
        (items(1, 3, 2, 4), [], "out of order: ('b1', 2) of driver came after seq 3"),
        (items(1, 2, 3, 4, 6), [], "1 numbers never came and nothing names them: [5]"),
        (items(1, 2, 3, 4), [Gap(5, 5, "full")], "names numbers that were never given"),
        ([*items(1, 2, 3, 4), *items(4, boot="b2")], [], "seq 4 was given to 2 messages"),
        ([*items(1, 2, 3), replace(items(4)[0], content="?")], [], "('b1', 4) came as another message"),
        ([*items(1, 2, 3, 4), replace(items(3)[0], content="?")], [], "('b1', 3) came as two different messages"),
        (items(1, 2, 3, 4, source="rear"), [], "('b1', 1) came as another message"),
    ],
)
def test_a_broken_promise_is_seen(received: list[Item], gaps: list[Gap], says: str) -> None:
    faults = judge(items(1, 2, 3, 4), received, gaps).faults
    assert any(says in fault for fault in faults), faults


def test_the_figures_are_one_line() -> None:
    verdict = judge(items(1, 2, 3, 4), [*items(1, 2), *items(2)], [Gap(3, 3, "full")])
    assert verdict.figures() == "4 committed, 2 received, 1 duplicated, 1 lost, 1 named by gap records"
