"""The outbox: what was committed stays, in order, until it is acknowledged."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.delivery.outbox import Outbox, as_letter
from daemon.events import Message
from tests.daemon.delivery.letters import PATIENCE_S, PLAIN, Make, message, seqs, until


def test_letters_are_numbered_from_one_and_kept_in_order(make: Make) -> None:
    outbox = make(n_letters=5)
    assert (len(outbox), outbox.last_seq) == (5, 5)
    assert seqs(outbox) == [1, 2, 3, 4, 5]
    assert [json.loads(letter.payload)["number"] for letter in outbox.after(0, 10)] == [1, 2, 3, 4, 5]


def test_a_letter_has_boot_and_seq_behind_the_source() -> None:
    letter = as_letter(message(7, text="Ärger"), "b00t", 3)
    assert list(json.loads(letter.payload)) == ["schema", "node", "source", "boot", "seq", "number", "text"]
    assert letter.payload == (
        '{"schema":"affectd/utterance/1","node":"n","source":"driver","boot":"b00t","seq":3,"number":7,"text":"Ärger"}'.encode()
    )
    assert (letter.topic, letter.retain, letter.expiry_s, letter.boot) == ("driver/utterance", False, None, "b00t")


def test_what_comes_out_is_what_went_in(make: Make) -> None:
    outbox = make()
    sent = [
        message(1, text="Ärger"),
        Message("driver/state", message().body, retain=True, expiry_s=300),
        Message("rear/state", {"schema": "x"}, retain=True, expiry_s=0),
    ]
    for one in sent:
        outbox.commit(one)
    outbox.flush(PATIENCE_S)
    assert outbox.after(0, 10) == [as_letter(one, "b00t", seq) for seq, one in enumerate(sent, 1)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_never_sent_and_takes_no_number(make: Make, value: float) -> None:
    outbox = make()
    with pytest.raises(ValueError, match="not JSON compliant"):
        outbox.commit(message(confidence=value))
    assert (len(outbox), outbox.last_seq) == (0, 0)


@pytest.mark.parametrize("limit", [0, -1, 1, 3, 5, 99])
def test_no_more_letters_than_were_asked_for(make: Make, limit: int) -> None:
    assert seqs(make(n_letters=5), limit=limit) == list(range(1, 6))[: max(0, limit)]


def test_letters_above_a_number(make: Make) -> None:
    outbox = make(n_letters=5)
    assert seqs(outbox, after=3) == [4, 5]
    assert seqs(outbox, after=5) == []
    assert seqs(outbox, after=-3) == [1, 2, 3, 4, 5]


def test_a_delivered_letter_is_gone_and_the_others_stay(make: Make) -> None:
    outbox = make(n_letters=5)
    outbox.delivered([3, 3, 1, 99, 0, -1])
    assert seqs(outbox) == [2, 4, 5]
    outbox.flush(PATIENCE_S)
    assert (seqs(outbox), len(outbox)) == ([2, 4, 5], 3)
    assert outbox.commit(message()) == 6


def test_each_commit_is_told_after_it_is_kept(make: Make) -> None:
    outbox = make()
    heard: list[list[int]] = []
    outbox.on_commit = lambda: heard.append(seqs(outbox))
    for seq in (1, 2):
        outbox.commit(message())
        outbox.flush(PATIENCE_S)
        # the writer tells after it has let flush go on
        until(lambda n=seq: bool(heard) and heard[-1] == list(range(1, n + 1)))  # type: ignore[misc]


@settings(max_examples=200)
@given(steps=st.lists(st.one_of(st.just(0), st.integers(1, 30)), max_size=60))
def test_in_memory_it_is_a_queue(steps: list[int]) -> None:
    """0 commits; a number is acknowledged, whether it is there or not."""
    outbox = Outbox(None, "b", PLAIN)
    kept: list[int] = []
    for step in steps:
        if step == 0:
            kept.append(outbox.commit(message()))
        else:
            kept = [seq for seq in kept if seq != step]
            outbox.delivered([step])
        assert seqs(outbox) == kept
        assert len(outbox) == len(kept)
    assert outbox.last_seq == steps.count(0)


def test_one_thread_commits_while_another_delivers(make: Make) -> None:
    outbox = make()
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
            outbox.delivered([letter.seq])
    committing.join()
    assert delivered == list(range(1, n_letters + 1))
    assert len(outbox) == 0
