"""What `affectd listen` counts: each number once, what is missing, what a gap record names."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.listen import ledger as ledger_module
from daemon.listen.ledger import Ledger, Missing

NODE, BOOT = "cabin", "b1"


def taken(ledger: Ledger, *seqs: int, boot: str = BOOT, now_s: float = 0.0) -> list[bool]:
    return [ledger.take(NODE, boot, seq, now_s) for seq in seqs]


def missing(ledger: Ledger, now_s: float = math.inf) -> list[tuple[int, int]]:
    return [(one.first_seq, one.last_seq) for one in ledger.overdue(now_s)]


def test_each_number_is_new_once() -> None:
    ledger = Ledger()
    assert taken(ledger, 1, 2, 2, 1, 3) == [True, True, False, False, True]
    assert (ledger.n_again, missing(ledger)) == (2, [])


def test_the_same_number_of_another_boot_or_node_is_another_message() -> None:
    ledger = Ledger()
    assert taken(ledger, 1) == taken(ledger, 1, boot="b2") == [True]
    assert ledger.take("truck", BOOT, 1, 0.0)


def test_where_we_begin_is_no_gap() -> None:
    ledger = Ledger()
    taken(ledger, 500, 501)
    assert missing(ledger) == []


def test_what_stays_away_for_longer_than_the_grace_is_missing_and_is_told_once() -> None:
    ledger = Ledger(grace_s=30.0)
    taken(ledger, 1, 5, now_s=100.0)
    assert missing(ledger, now_s=129.0) == []
    assert ledger.n_missing == 0
    assert missing(ledger, now_s=130.0) == [(2, 4)]
    assert missing(ledger, now_s=200.0) == []
    assert ledger.n_missing == 3


def test_what_comes_late_is_not_missing() -> None:
    ledger = Ledger()
    assert taken(ledger, 1, 6, 3) == [True, True, True]
    assert missing(ledger) == [(2, 2), (4, 5)]
    assert taken(ledger, 4) == [True]
    assert ledger.n_missing == 2


def test_what_a_gap_record_names_is_not_missing() -> None:
    ledger = Ledger()
    taken(ledger, 1, 10)
    assert ledger.name(NODE, BOOT, [(2, 5)]) == 4
    assert missing(ledger) == [(6, 9)]
    assert ledger.n_dropped == 4


def test_a_gap_record_named_after_all_that_it_names_explains_what_was_told_as_missing() -> None:
    ledger = Ledger()
    taken(ledger, 1, 10)
    assert missing(ledger) == [(2, 9)]
    assert ledger.name(NODE, BOOT, [(1, 20)]) == 18
    assert ledger.n_missing == 0


def test_what_had_come_although_it_was_dropped_is_not_counted_as_dropped() -> None:
    ledger = Ledger()
    taken(ledger, 1, 2, 5)
    assert ledger.name(NODE, BOOT, [(1, 4)]) == 2
    assert ledger.name(NODE, BOOT, [(3, 4)]) == 0
    assert ledger.n_dropped == 2


def test_the_row_goes_on_over_a_restart_of_the_sender() -> None:
    ledger = Ledger()
    taken(ledger, 1, 2)
    taken(ledger, 5, 6, boot="b2")
    assert taken(ledger, 2) == [False]
    assert ledger.overdue(math.inf) == [Missing(NODE, "b2", 3, 4, away=False)]


def test_a_sender_that_counts_anew_has_lost_its_outbox_and_not_our_messages() -> None:
    ledger = Ledger()
    taken(ledger, 1, 2, 3)
    assert taken(ledger, 1, 2, 4, boot="b2") == [True, True, True]
    assert taken(ledger, 3) == [False]
    assert missing(ledger) == [(3, 3)]


def test_states_may_have_expired_while_we_were_away_and_not_otherwise() -> None:
    ledger = Ledger()
    taken(ledger, 1)
    ledger.away()
    taken(ledger, 3, 5)
    assert [(one.first_seq, one.away) for one in ledger.overdue(math.inf)] == [(2, True), (4, False)]


def test_the_brokers_last_word_shows_no_gap_and_is_known_again() -> None:
    ledger = Ledger()
    assert ledger.take_retained(NODE, BOOT, 40)
    assert taken(ledger, 38, 39, 40, 41) == [True, True, False, True]
    assert not ledger.take_retained(NODE, BOOT, 40)
    assert not ledger.take_retained(NODE, BOOT, 41)
    assert missing(ledger) == []
    assert ledger.n_again == 3


def test_memory_is_bounded_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_NODES", "MOST_BOOTS", "MOST_HOLES", "MOST_RETAINED"):
        monkeypatch.setattr(ledger_module, name, 5)
    ledger = Ledger()
    for number in range(1, 200):
        ledger.take(NODE, BOOT, 2 * number, 0.0)
        ledger.take(f"n{number}", BOOT, number, 0.0)
        ledger.take(NODE, f"b{number}", number, 0.0)
        ledger.take(NODE, BOOT, 2 * number, 0.0)
        ledger.take_retained(f"n{number}", BOOT, number)
    assert len(ledger._nodes) == len(ledger._retained) == 5
    assert len(ledger._nodes[NODE].rows) == 5
    row = ledger._nodes[NODE].rows[BOOT]
    assert len(row.holes) == 5
    assert len(list(row.seen)) <= 5
    # those that gave way were told before
    told = [one for one in ledger.overdue(math.inf) if one.boot == BOOT]
    assert [(one.first_seq, one.last_seq) for one in told] == [(number, number) for number in range(3, 398, 2)]
    assert ledger.n_missing >= len(told)


@given(
    seqs=st.lists(st.integers(1, 40), max_size=60),
    gaps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=4),
)
def test_it_counts_as_a_plain_set_does(seqs: list[int], gaps: list[tuple[int, int]]) -> None:
    ledger, came, highest = Ledger(), set(), 0
    holes: dict[int, bool] = {}
    for seq in seqs:
        assert taken(ledger, seq) == [seq not in came]
        if highest:
            holes.update(dict.fromkeys(range(highest + 1, seq), True))
        highest = max(highest, seq)
        came.add(seq)
    named: set[int] = set()
    for first, more in gaps if seqs else []:
        named.update(range(first, first + more + 1))
        ledger.name(NODE, BOOT, [(first, first + more)])
    expected = sorted(set(holes) - came - named)
    assert [one for first, last in missing(ledger) for one in range(first, last + 1)] == expected
    assert (ledger.n_again, ledger.n_missing, ledger.n_dropped) == (len(seqs) - len(came), len(expected), len(named - came))
