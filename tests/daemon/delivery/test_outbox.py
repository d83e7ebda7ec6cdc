"""The outbox: what was committed stays, in order, until it is acknowledged, also over a restart."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.delivery.outbox import Outbox, as_letter, writer
from daemon.errors import SettingsError
from daemon.events import Message
from daemon.settings import OutboxSettings

PATIENCE_S = 60.0
PLAIN = OutboxSettings(linger_ms=0.0)


def message(number: int = 0, **more: object) -> Message:
    return Message(
        "driver/utterance", {"schema": "affectd/utterance/1", "node": "n", "source": "driver", "number": number, **more}
    )


Make = Callable[..., Outbox]
ROOM_FOR_TEN_MB = 10.05 * as_letter(message(50), "b00t", 50).n_bytes / 1e6


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture(params=["disk", "memory"])
def make(request: pytest.FixtureRequest, place: Path) -> Iterator[Make]:
    """Opens an outbox, on disk or in memory alone; closes all at the end."""
    opened: list[Outbox] = []

    def opening(settings: OutboxSettings = PLAIN, n_letters: int = 0) -> Outbox:
        outbox = Outbox(place if request.param == "disk" else None, "b00t", settings, "n", lambda: "then")
        opened.append(outbox)
        fill(outbox, n_letters)
        return outbox

    yield opening
    for outbox in opened:
        outbox.close()


def fill(outbox: Outbox, n_letters: int) -> None:
    for _ in range(n_letters):
        outbox.commit(message(outbox.last_seq + 1))
    assert outbox.flush(PATIENCE_S)


def seqs(outbox: Outbox, after: int = 0, limit: int = 1000) -> list[int]:
    return [letter.seq for letter in outbox.after(after, limit)]


def gaps(outbox: Outbox) -> list[tuple[int, int, str]]:
    """What the newest gap letter names."""
    body = json.loads([letter for letter in outbox.after(0, 1000) if letter.topic == "gap"][-1].payload)
    assert list(body) == ["schema", "node", "boot", "seq", "at", "gaps"]
    assert (body["schema"], body["node"], body["at"]) == ("affectd/gap/1", "n", "then")
    return [(gap["first_seq"], gap["last_seq"], gap["reason"]) for gap in body["gaps"]]


def crash(place: Path, where: Path) -> Path:
    """The files as a SIGKILL would leave them."""
    shutil.copytree(place.parent, where)
    return where / place.name


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


def until(holds: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_S * 100)):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to that")


@pytest.mark.parametrize("drop", ["oldest", "newest"])
def test_at_the_cap_letters_go_and_a_gap_record_names_them_exactly(make: Make, drop: str) -> None:
    outbox = make(replace(PLAIN, max_mb=ROOM_FOR_TEN_MB, drop=drop), 25)
    kept = list(range(16, 26)) if drop == "oldest" else list(range(1, 11))
    assert (seqs(outbox), len(outbox), outbox.summary()["dropped"]) == (kept, 10, 15)
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


def test_the_numbers_go_on_over_a_restart_and_the_letters_are_there(place: Path) -> None:
    for boot, first in (("a", 1), ("b", 4), ("c", 7)):
        outbox = Outbox(place, boot, PLAIN)
        assert (outbox.last_seq, seqs(outbox)) == (first - 1, list(range(1, first)))
        fill(outbox, 3)
        outbox.close()
    outbox = Outbox(place, "d", PLAIN)
    assert [(letter.seq, letter.boot) for letter in outbox.after(0, 99)] == list(enumerate("aaabbbccc", 1))
    outbox.close()


def test_after_a_crash_all_that_was_durable_is_there(place: Path, tmp_path: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 5)
    outbox.delivered([1, 2])
    outbox.put_aside(4, "no")
    outbox.flush(PATIENCE_S)
    outbox.delivered([5])
    crashed = crash(place, tmp_path / "crashed")
    outbox.close()
    again = Outbox(crashed, "b", PLAIN, "n", lambda: "then")
    assert (seqs(again), again.last_seq) == ([3, 5], 5), "what was not yet noted as delivered is sent again"
    again.name_gaps()
    again.flush(PATIENCE_S)
    assert gaps(again) == [(4, 4, "refused: no")]
    again.close()


def test_only_one_service_has_the_file(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    with pytest.raises(SettingsError, match=r"another affectd has its outbox there: .* \[node\] state"):
        Outbox(place, "b", PLAIN)
    outbox.close()
    Outbox(place, "c", PLAIN).close()


def test_the_files_are_their_owners_and_no_more_than_they_need_be(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 3)
    assert {stat.S_IMODE(one.stat().st_mode) for one in place.parent.iterdir()} == {0o600}
    outbox.close()
    assert sorted(one.name for one in place.parent.iterdir()) == ["outbox.mark", "outbox.sqlite"]


def test_what_was_refused_is_kept_apart_for_who_looks_for_the_reason(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 150)
    for seq in range(1, 121):
        outbox.put_aside(seq, "no")
    outbox.close()
    with closing(sqlite3.connect(place)) as file:
        kept = file.execute("SELECT seq, reason, payload FROM aside ORDER BY seq").fetchall()
    assert kept == [(seq, "no", as_letter(message(seq), "a", seq).payload) for seq in range(21, 121)]


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
