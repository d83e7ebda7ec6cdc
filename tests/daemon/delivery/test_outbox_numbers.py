"""What the outbox knows of its numbers: sets of runs, the ledger, and the mark that outlives a damaged file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.delivery.outbox.high_water import N_SLOTS, RESERVED, SLOT_BYTES, HighWater, Water
from daemon.delivery.outbox.ledger import MOST_GAPS_IN_A_LETTER, Ledger
from daemon.delivery.outbox.letter import Letter, as_row, from_row, renumbered
from daemon.delivery.outbox.ranges import Ranges
from daemon.delivery.outbox.reconcile import begin
from daemon.delivery.outbox.tables import Contents
from daemon.errors import SettingsError

NUMBERS = st.integers(1, 40)
RANGES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12)
LETTER = Letter(7, "driver/state", '{"seq":7,"text":"Ärger"}'.encode(), True, 300, "b00t")


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(RANGES, NUMBERS, NUMBERS)
def test_ranges_are_a_set(pairs: list[tuple[int, int]], first: int, last: int) -> None:
    ranges, model = Ranges(pairs), numbers(pairs)
    assert numbers(list(ranges)) == model
    assert all(one[1] + 1 < other[0] for one, other in zip(list(ranges), list(ranges)[1:])), "they neither overlap nor touch"
    assert [number for number in range(42) if number in ranges] == sorted(model)
    assert (ranges.count, ranges.last, bool(ranges)) == (len(model), max(model, default=0), bool(model))
    window = set(range(first, last + 1))
    assert numbers(list(ranges.missing(first, last))) == window - model
    assert numbers(list(ranges.within(first, last))) == window & model
    assert ranges.end_of_run(first) == next(number for number in range(first, 43) if number + 1 not in model)


def test_a_copy_is_another_set() -> None:
    ranges = Ranges([(1, 3)])
    ranges.copy().add(5, 6)
    assert list(ranges) == [(1, 3)]


def test_a_gap_letter_that_is_lost_gives_back_what_it_named() -> None:
    ledger = Ledger()
    ledger.last = 10
    ledger.lose(2, 4, "full")
    ledger.lose(6, 6, "refused: no")
    ledger.last += 1
    assert ledger.take_gaps(11) == [
        {"first_seq": 2, "last_seq": 4, "reason": "full"},
        {"first_seq": 6, "last_seq": 6, "reason": "refused: no"},
    ]
    ledger.settle(1, 1)
    assert (ledger.low, ledger.waiting) == (1, 6), "what is named has not arrived before its record has"
    ledger.lose(11, 11, "damaged")
    ledger.last += 1
    assert [gap["first_seq"] for gap in ledger.take_gaps(12)] == [2, 6, 11]
    ledger.settle(12, 12)
    assert ledger.low == 4


def test_a_gap_letter_has_an_end_and_the_rest_comes_in_the_next() -> None:
    ledger = Ledger()
    ledger.last = 3 * MOST_GAPS_IN_A_LETTER
    for seq in range(1, ledger.last, 2):
        ledger.lose(seq, seq, "full")
    taken = [len(ledger.take_gaps(ledger.last + number)) for number in (1, 2, 3)]
    assert taken == [MOST_GAPS_IN_A_LETTER, MOST_GAPS_IN_A_LETTER // 2, 0]


def test_a_mark_says_it_all() -> None:
    ledger = Ledger()
    ledger.last = 20
    ledger.settle(1, 5)
    ledger.lose(9, 10, "old")
    ledger.take_gaps(20)
    ledger.lose(12, 13, "full")
    again = Ledger()
    assert again.restore(ledger.as_mark(77)) == 77
    assert again.as_mark(77) == ledger.as_mark(77)
    assert (again.last, again.waiting, again.low) == (20, ledger.waiting, ledger.low) == (20, 11, 5)


@pytest.mark.parametrize("bit", range(8))
def test_a_row_in_which_any_bit_has_changed_is_not_one(bit: int) -> None:
    row = as_row(LETTER, 5)
    assert from_row(row) == LETTER
    assert (from_row(row, 12) or LETTER).age_s == 7.0
    for at, value in enumerate(row):
        if isinstance(value, bytes):
            wrong: list[object] = [
                value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :] for place in range(len(value))
            ]
            wrong += [value[:-1], value + b"x", value.decode(), None]
        else:
            wrong = [(value or 0) ^ 1 << bit, None if value is not None else 1, str(value)]
        for other in wrong:
            assert from_row((*row[:at], other, *row[at + 1 :])) is None, (at, other)


def test_a_letter_under_another_number_is_the_same_otherwise() -> None:
    assert renumbered(LETTER, 12) == Letter(12, "driver/state", '{"seq":12,"text":"Ärger"}'.encode(), True, 300, "b00t")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.mark"


def opened(path: Path) -> Water | None:
    water = HighWater(path)
    found = water.open()
    water.abandon()
    return found


def test_the_mark_knows_how_far_the_numbers_have_gone(path: Path) -> None:
    water = HighWater(path)
    assert water.open() is None
    water.reserve(1, 0, 0)
    water.note(1, 0)
    water.reserve(5, 1, 0)
    water.note(5, 3)
    water.abandon()
    assert opened(path) == Water(5, 3, 1 + RESERVED)
    assert water.open() == Water(5, 3, 1 + RESERVED)
    water.reserve(2 + RESERVED, 5, 3)
    water.abandon()
    assert opened(path) == Water(5, 3, 2 + 2 * RESERVED)
    water.open()
    water.close(300, 299)
    assert opened(path) == Water(300, 299, 300)


@pytest.mark.parametrize("slot", range(N_SLOTS))
def test_one_damaged_slot_leaves_the_other(path: Path, slot: int) -> None:
    water = HighWater(path)
    water.open()
    water.reserve(1, 0, 0)
    for last in range(1, 9):
        water.note(last, 0)
    water.abandon()
    whole = path.read_bytes()
    for at in (0, 20, 60, 90):
        damaged = bytearray(whole)
        damaged[slot * SLOT_BYTES + at] ^= 4
        path.write_bytes(damaged)
        found = opened(path)
        assert found is not None
        assert (found.reserved, found.last in (7, 8)) == (1 + RESERVED, True)
    path.write_bytes(whole[:60])
    assert opened(path) is None


def test_two_services_do_not_share_the_mark(path: Path) -> None:
    water = HighWater(path)
    water.open()
    with pytest.raises(SettingsError, match="another affectd has its outbox there"):
        HighWater(path).open()
    water.abandon()
    assert opened(path) is None


def test_a_mark_that_cannot_be_written_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    water = HighWater(path)
    water.open()
    water.close(8, 7)

    def read_only(name: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise OSError(30, "Read-only file system")
        return really_open(name, flags, mode)

    really_open = os.open
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", read_only)
        assert water.open() == Water(8, 7, 8)
        with pytest.raises(OSError, match="Read-only"):
            water.note(9, 7)
    water.note(9, 7)
    water.abandon()
    assert opened(path) == Water(9, 7, 9)


@pytest.mark.parametrize(
    ("contents", "water", "last", "lost"),
    [
        (Contents(), None, 0, []),
        (Contents(), Water(0, 0, 0), 0, []),
        (Contents(), Water(12, 8, 300), 300, [(9, 300)]),
        (Contents(present=Ranges([(9, 9), (11, 11)])), Water(12, 8, 300), 300, [(10, 10), (12, 300)]),
        (Contents(present=Ranges([(3, 4), (9, 9)])), Water(12, 8, 300), 300, [(10, 300)]),
        (Contents(present=Ranges([(3, 4)])), None, 4, [(1, 2)]),
    ],
)
def test_a_file_without_its_mark_is_held_against_the_high_water(
    contents: Contents, water: Water | None, last: int, lost: list[tuple[int, int]]
) -> None:
    ledger, _, n_lost = begin(contents, water)
    assert (ledger.last, list(ledger.gaps.get("damaged", []))) == (last, lost)
    assert n_lost == len(numbers(lost))


def test_a_file_older_than_the_high_water_has_lost_what_came_after() -> None:
    old = Ledger()
    old.last = 6
    old.settle(1, 2)
    contents = Contents(mark=old.as_mark(50), present=Ranges([(3, 6)]))
    ledger, clock_s, n_lost = begin(contents, Water(9, 4, 200))
    assert (clock_s, n_lost, ledger.last) == (50, 194, 200)
    assert list(ledger.gaps["damaged"]) == [(7, 200)]
    assert not ledger.waits(4), "it was delivered after the copy was made"
    assert ledger.waits(5)
    assert [*ledger.fresh.within(3, 6)] == [(3, 4)], "its row is to go"
    whole, _, n_lost = begin(contents, Water(6, 2, 262))
    assert (whole.last, n_lost, whole.waiting) == (6, 0, 4)
