"""What `affectd listen` shows of what comes, without a broker."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from daemon.delivery.cloudevents import structured
from daemon.listen.lines import JsonForm, TextForm
from daemon.listen.reader import NUMBERED, SHOWN, Reader

ALL = (*NUMBERED, "availability")


def message(kind: str, seq: int = 0, **more: Any) -> bytes:
    head = {"schema": f"affectd/{kind}/1", "node": "cabin", "boot": "b1", "at": "2026-11-20T23:05:06.037Z"}
    seat = {} if kind in ("gap", "availability") else {"source": "driver"}
    return json.dumps({**head, **seat, **({"seq": seq} if seq else {}), **more}, separators=(",", ":")).encode()


def utterance(seq: int) -> bytes:
    return message("utterance", seq, label="neutral", confidence=0.62, speech={"duration_s": 2.78})


class Page:
    """A reader and the lines that it has written."""

    def __init__(self, form: Any, kinds: tuple[str, ...] = SHOWN) -> None:
        self.lines: list[str] = []
        self.reader = Reader(form, kinds, self.lines.append, lambda: 0.0)

    def receive(self, *payloads: bytes, retained: bool = False) -> list[str]:
        """The lines that these have brought."""
        before = len(self.lines)
        for payload in payloads:
            self.reader.receive(payload, retained)
        return self.lines[before:]


def test_as_json_each_message_is_shown_once_as_it_came() -> None:
    page = Page(JsonForm())
    assert page.receive(utterance(1), utterance(2), utterance(1)) == [utterance(1).decode(), utterance(2).decode()]
    assert (page.reader.n_shown, page.reader.ledger.n_again) == (2, 1)


def test_states_are_counted_and_only_shown_where_they_are_asked_for() -> None:
    states = [message("state", seq, label="neutral", probabilities={}, speaking=False, level_dbfs=-60.0) for seq in (2, 3)]
    for kinds, n_lines in ((SHOWN, 2), (ALL, 4)):
        page = Page(JsonForm(), kinds)
        assert len(page.receive(utterance(1), *states, utterance(4))) == n_lines
        page.reader.tell_missing(everything=True)
        assert len(page.lines) == n_lines, "nothing is missing"


def test_as_json_what_is_missing_is_an_object_of_our_own() -> None:
    page = Page(JsonForm())
    page.receive(utterance(1), utterance(4))
    page.reader.tell_missing(everything=True)
    told = {"schema": "affectd/missing/1", "node": "cabin", "boot": "b1", "first_seq": 2, "last_seq": 3, "away": False}
    assert json.loads(page.lines[-1]) == told


def test_what_a_gap_record_names_is_shown_with_its_reason_and_is_not_missing() -> None:
    page = Page(TextForm(coloured=False))
    gaps = [{"first_seq": 2, "last_seq": 5, "reason": "full"}, {"first_seq": 7, "last_seq": 7, "reason": "refused: too large"}]
    page.receive(utterance(1), utterance(3), utterance(8))
    (line,) = page.receive(message("gap", 9, gaps=gaps))
    assert line.split(maxsplit=3)[3] == (
        "4 messages (seq 2 to 5) dropped by the sender: its outbox was full; "
        "1 message (seq 7) dropped by the sender: refused: too large; 1 of them had come"
    )
    page.reader.tell_missing(everything=True)
    assert "1 message (seq 6) never came" in page.lines[-1]
    assert page.reader.ledger.n_dropped == 4


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (utterance(1), "cabin/driver      utterance     neutral     62%  ██████····  2.8 s of speech"),
        (
            message("episode", 1, label="anger", phase="new", duration_s=3.2, probabilities={"anger": 0.81}),
            "cabin/driver      episode       anger       81%  ████████··  begins, 3 s",
        ),
        (
            message("state", 1, label="anger", speaking=True, level_dbfs=-23.4, probabilities={"anger": 1.0}),
            "cabin/driver      state         anger      100%  ██████████  speaking, -23 dBFS",
        ),
        (
            message("state", 1, label="uncertain", speaking=False, level_dbfs=-60.0, probabilities={}),
            "cabin/driver      state         uncertain                    silent, -60 dBFS",
        ),
        (message("availability", status="offline"), "cabin             availability  offline"),
    ],
)
def test_a_line_for_people(payload: bytes, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        lines = Page(TextForm(coloured=False), ALL).receive(payload)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert lines == ["--- Saturday, 21 November 2026 ---", f"01:05:06  {shown}"]


def test_colours_are_for_terminals_and_what_came_does_not_steer_them() -> None:
    evil = message("utterance", 1, label="\x1b[2J\n\x07", confidence=0.5)
    plain, coloured = (Page(TextForm(coloured=on)).receive(evil)[-1] for on in (False, True))
    assert "\x1b" not in plain
    assert "?[2J??" in plain
    assert coloured.count("\x1b") == 4, "the time and the kind, each begun and ended"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"online",
        b"\xff\xfe",
        b"[1]",
        b"[" * 100_000,
        b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":1,"confidence":NaN}',
        b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":1,"confidence":1e999}',
        b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":0}',
        b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":true}',
        b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":"1"}',
        b'{"schema":"affectd/utterance/1","node":7,"boot":"b","seq":1}',
        b'{"schema":"other/utterance/1","node":"n","boot":"b","seq":1}',
        b'{"schema":"affectd/health/1","node":"n","boot":"b"}',
    ],
)
def test_what_is_no_message_of_ours_is_counted_and_not_shown(payload: bytes) -> None:
    for form in (JsonForm(), TextForm(coloured=True)):
        page = Page(form, ALL)
        assert page.receive(payload) == []
        assert (page.reader.n_foreign, page.reader.n_shown) == (1, 0)


@pytest.mark.parametrize("gaps", [None, 3, [3], [{}], [{"first_seq": 5, "last_seq": 2}], [{"first_seq": "1", "last_seq": 2}]])
def test_a_gap_record_that_makes_no_sense_does_no_harm(gaps: Any) -> None:
    page = Page(TextForm(coloured=False))
    assert len(page.receive(message("gap", 1, gaps=gaps))) == 2
    assert page.reader.ledger.n_dropped == 0


def test_a_cloud_event_is_the_message_in_it() -> None:
    page = Page(JsonForm())
    assert page.receive(structured(utterance(1)), utterance(1)) == [utterance(1).decode()]


def test_half_a_surrogate_can_be_written() -> None:
    (line,) = Page(JsonForm()).receive(b'{"schema":"affectd/utterance/1","node":"n","boot":"b","seq":1,"label":"\\ud83d"}')
    assert json.loads(line.encode())["label"] == "?"
