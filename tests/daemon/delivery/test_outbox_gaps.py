"""What has to go, by the caps or because a broker refuses it, is named in a gap record."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from daemon.delivery.outbox import as_letter, writer
from tests.daemon.delivery.letters import PATIENCE_S, PLAIN, Make, fill, gaps, message, seqs, until

ROOM_FOR_TEN_MB = 10.05 * as_letter(message(50), "b00t", 50).n_bytes / 1e6


@pytest.mark.parametrize("drop", ["oldest", "newest"])
def test_at_the_cap_letters_go_and_a_gap_record_names_them_exactly(make: Make, drop: str) -> None:
    outbox = make(replace(PLAIN, max_mb=ROOM_FOR_TEN_MB, drop=drop), 25)
    kept = list(range(16, 26)) if drop == "oldest" else list(range(1, 11))
    assert (seqs(outbox), len(outbox), outbox.summary()["dropped"]) == (kept, 10, 15)
    with outbox._changed:  # the gap letter itself makes others go once it is written: not between the two
        outbox.name_gaps()
        outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    lost = sorted(set(range(1, 26)) - set(kept))
    assert gaps(outbox) == [(lost[0], lost[-1], "full")]
    fill(outbox, 40)
    assert 26 in seqs(outbox), "the gap letter never gives way"
    assert [letter.topic for letter in outbox.after(0, 100)].count("gap") == 1, "nothing is named twice"
    outbox.delivered(range(1, 67))
    outbox.flush(PATIENCE_S)
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    named = {*range(lost[0], lost[-1] + 1)} | {seq for first, last, _ in gaps(outbox) for seq in range(first, last + 1)}
    assert named | {26, 67} | set(kept if drop == "newest" else range(57, 67)) == set(range(1, 68))
    assert not named & {26, 67}


def test_what_is_too_old_goes_and_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "AGE_CHECK_S", 0.01)
    outbox = make(replace(PLAIN, max_age_h=1.0), 3)
    began_s = time.monotonic()

    def go_to(seconds: float) -> None:
        monkeypatch.setattr(outbox._desk, "_clock", lambda: began_s + seconds)

    go_to(1800.0)
    fill(outbox, 2)
    assert seqs(outbox) == [1, 2, 3, 4, 5]
    assert 1799 <= outbox.summary()["oldest_s"] <= 1801
    go_to(3700.0)
    fill(outbox, 1)
    until(lambda: seqs(outbox) == [4, 5, 6])
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    assert gaps(outbox) == [(1, 3, "old")]


def test_a_letter_put_aside_is_named_with_its_reason(make: Make) -> None:
    outbox = make(n_letters=6)
    for seq, reason in ((3, "too large"), (4, "too large"), (6, "not authorized"), (6, "again"), (99, "no such letter")):
        outbox.put_aside(seq, reason)
    assert seqs(outbox) == [1, 2, 5]
    assert outbox.summary()["put_aside"] == 3
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    assert gaps(outbox) == [(3, 4, "refused: too large"), (6, 6, "refused: not authorized")]


def test_a_gap_record_that_is_refused_is_not_made_again_at_once_and_not_forgotten(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make(n_letters=2)
    outbox.put_aside(1, "no")
    outbox.name_gaps()
    outbox.put_aside(3, "no")
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    assert seqs(outbox) == [2]
    monkeypatch.setattr(outbox, "_name_again", 0.0)
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    assert gaps(outbox) == [(1, 1, "refused: no"), (3, 3, "refused: no")]


def test_without_gaps_there_is_no_gap_record(make: Make) -> None:
    outbox = make(n_letters=2)
    outbox.name_gaps()
    assert outbox.last_seq == 2
