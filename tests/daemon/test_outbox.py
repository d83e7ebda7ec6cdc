"""The outbox: what was committed stays, in order, until it is acknowledged."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.delivery.outbox import Outbox, as_letter
from daemon.events import Message


def message(number: int = 0, **more: object) -> Message:
    return Message(
        "driver/utterance", {"schema": "affectd/utterance/1", "node": "n", "source": "driver", "number": number, **more}
    )


def filled(n_letters: int, capacity: int = 100) -> Outbox:
    outbox = Outbox("b00t", capacity)
    for number in range(1, n_letters + 1):
        assert outbox.commit(message(number)) == number
    return outbox


def seqs(outbox: Outbox, after: int = 0, limit: int = 1000) -> list[int]:
    return [letter.seq for letter in outbox.after(after, limit)]


def test_letters_are_numbered_from_one_and_kept_in_order() -> None:
    outbox = filled(5)
    assert (len(outbox), outbox.last_seq) == (5, 5)
    assert seqs(outbox) == [1, 2, 3, 4, 5]
    assert [json.loads(letter.payload)["number"] for letter in outbox.after(0, 10)] == [1, 2, 3, 4, 5]


def test_a_letter_has_boot_and_seq_behind_the_source() -> None:
    letter = as_letter(message(7, text="Ärger"), "b00t", 3)
    assert list(json.loads(letter.payload)) == ["schema", "node", "source", "boot", "seq", "number", "text"]
    assert letter.payload == (
        '{"schema":"affectd/utterance/1","node":"n","source":"driver","boot":"b00t","seq":3,"number":7,"text":"Ärger"}'.encode()
    )
    assert (letter.topic, letter.retain, letter.expiry_s) == ("driver/utterance", False, None)


def test_retain_and_expiry_go_with_the_letter() -> None:
    letter = as_letter(Message("driver/state", message().body, retain=True, expiry_s=300), "b", 1)
    assert (letter.retain, letter.expiry_s) == (True, 300)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_never_sent(value: float) -> None:
    outbox = Outbox("b", 100)
    with pytest.raises(ValueError, match="not JSON compliant"):
        outbox.commit(message(confidence=value))
    assert len(outbox) == 0


@pytest.mark.parametrize("limit", [0, -1, 1, 3, 5, 99])
def test_no_more_letters_than_were_asked_for(limit: int) -> None:
    assert seqs(filled(5), limit=limit) == list(range(1, 6))[: max(0, limit)]


def test_letters_above_a_number() -> None:
    outbox = filled(5)
    assert seqs(outbox, after=3) == [4, 5]
    assert seqs(outbox, after=5) == []


def test_a_delivered_letter_is_gone_and_the_others_stay() -> None:
    outbox = filled(5)
    for seq in (3, 3, 1, 99):
        outbox.delivered(seq)
    assert seqs(outbox) == [2, 4, 5]
    assert outbox.commit(message()) == 6


def test_when_full_the_oldest_go_and_are_counted() -> None:
    outbox = filled(7, capacity=4)
    assert seqs(outbox) == [4, 5, 6, 7]
    assert outbox.n_dropped == 3


def test_each_commit_is_told_after_it_is_kept() -> None:
    outbox = filled(0)
    lengths: list[int] = []
    outbox.on_commit = lambda: lengths.append(len(outbox))
    outbox.commit(message())
    outbox.commit(message())
    assert lengths == [1, 2]


@settings(max_examples=200)
@given(steps=st.lists(st.one_of(st.just(0), st.integers(1, 30)), max_size=60), capacity=st.integers(1, 12))
def test_it_is_a_bounded_queue(steps: list[int], capacity: int) -> None:
    """0 commits; a number is acknowledged, whether it is there or not."""
    outbox = Outbox("b", capacity)
    kept: list[int] = []
    committed = dropped = 0
    for step in steps:
        if step == 0:
            committed += 1
            dropped += len(kept) == capacity
            kept = [*kept, committed][-capacity:]
            outbox.commit(message(committed))
        else:
            kept = [seq for seq in kept if seq != step]
            outbox.delivered(step)
        assert seqs(outbox) == kept
        assert (len(outbox), outbox.n_dropped, outbox.last_seq) == (len(kept), dropped, committed)


def test_one_thread_commits_while_another_delivers() -> None:
    outbox = Outbox("b", 10000)
    n_letters = 3000

    def commit() -> None:
        for number in range(n_letters):
            outbox.commit(message(number))

    committing = threading.Thread(target=commit, daemon=True)
    committing.start()
    delivered: list[int] = []
    while len(delivered) < n_letters:
        for letter in outbox.after(delivered[-1] if delivered else 0, 20):
            delivered.append(letter.seq)
            outbox.delivered(letter.seq)
    committing.join()
    assert delivered == list(range(1, n_letters + 1))
    assert len(outbox) == 0
