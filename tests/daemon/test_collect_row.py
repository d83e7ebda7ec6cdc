"""What becomes a row of a fleet's archive, and what is named and put into quarantine."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.collect.recent import Recent
from daemon.collect.remarks import MOST, SAY_AGAIN_S, Remarks
from daemon.collect.row import LARGEST_BYTES, Bad, Row, row_of

NOW = datetime(2026, 11, 20, 23, 5, 7, tzinfo=timezone.utc)
TOPIC = "affectd/cabin/driver/utterance"
GOOD: dict[str, Any] = {
    "schema": "affectd/utterance/1",
    "node": "cabin",
    "source": "driver",
    "boot": "a2cdc103",
    "seq": 5,
    "at": "2026-11-20T23:05:06.037Z",
    "label": "neutral",
    "confidence": 0.62,
    "speech": {"duration_s": 2.78},
    "latency_ms": {"total": 804.4},
}


def judged(topic: str = TOPIC, **changes: Any) -> Row | Bad:
    body = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return row_of(topic, json.dumps(body).encode(), NOW)


def test_a_message_becomes_a_row() -> None:
    row = judged()
    assert isinstance(row, Row)
    assert (row.key, row.kind, row.source, row.day) == (("cabin", "a2cdc103", 5), "utterance", "driver", "2026-11-20")
    assert (row.label, row.confidence, row.duration_s, row.latency_ms) == ("neutral", 0.62, 2.78, 804.4)
    assert json.loads(row.body) == GOOD


def test_one_in_cloudevents_form_becomes_the_same_row() -> None:
    event = {"specversion": "1.0", "type": "x", "data": GOOD}
    assert row_of(TOPIC, json.dumps(event).encode(), NOW) == judged()


def test_an_episode_a_state_and_a_gap_record_become_rows() -> None:
    episode = judged("affectd/cabin/driver/episode", schema="affectd/episode/1", speech=..., duration_s=12.5)
    state = judged("affectd/cabin/driver/state", schema="affectd/state/1", speech=..., latency_ms=..., confidence=...)
    gap = judged("affectd/cabin/gap", schema="affectd/gap/1", source=..., label=...)
    assert isinstance(episode, Row)
    assert isinstance(state, Row)
    assert isinstance(gap, Row)
    assert (episode.duration_s, state.confidence, gap.source, gap.kind) == (12.5, None, None, "gap")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"node": "another"}, "it says that it is for affectd/another/driver/utterance"),
        ({"source": "rear"}, "it says that it is for affectd/cabin/rear/utterance"),
        ({"schema": "affectd/episode/1"}, "it says that it is for affectd/cabin/driver/episode"),
        ({"node": "../../etc"}, "its node or source is no name"),
        ({"source": 5}, "its node or source is no name"),
        ({"schema": "affectd/utterance/2"}, "numbered message of affectd, version 1"),
        ({"schema": "affectd/availability/1"}, "numbered message"),
        ({"seq": 0}, "numbered message"),
        ({"seq": "5"}, "numbered message"),
        ({"seq": 2**63}, "its boot or seq is out of range"),
        ({"boot": "x" * 65}, "its boot or seq is out of range"),
        ({"boot": "a\u0000b"}, "its boot or seq is out of range"),
        ({"boot": "\ud800"}, "its boot or seq is out of range"),
        ({"at": ...}, "its date is 'None'"),
        ({"at": "2026-13-20T23:05:06.037Z"}, "its date is"),
        ({"at": "yesterday"}, "its date is 'yesterday'"),
        ({"label": 5}, "its label is no word"),
        ({"label": "a\nb"}, "its label is no word"),
        ({"confidence": "high"}, "its confidence is no number"),
        ({"confidence": 10**400}, "its confidence is no number"),
        ({"speech": [1]}, "its speech is no object"),
        ({"latency_ms": {"total": True}}, "its total is no number"),
        ({"pad": "x" * LARGEST_BYTES}, "bytes, more than"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(changes: dict[str, Any], why: str) -> None:
    bad = judged(**changes)
    assert isinstance(bad, Bad)
    assert why in bad.why
    assert bad.topic == TOPIC


@pytest.mark.parametrize(
    "payload", [b"", b"rubbish", b"\xff", b"[]", b"5", b"NaN", b"[" * 10_000, b'{"a":' * 10_000, b'{"x": 1e999}']
)
def test_what_is_no_json_object_is_named(payload: bytes) -> None:
    bad = row_of(TOPIC, payload, NOW)
    assert isinstance(bad, Bad)
    assert bad.why == "it is no JSON object"


@given(
    payload=st.one_of(
        st.binary(),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists).map(
            lambda value: json.dumps(value).encode()
        ),
    )
)
def test_no_bytes_are_too_odd_to_be_judged(payload: bytes) -> None:
    assert isinstance(row_of(TOPIC, payload, NOW), Bad)


@given(
    changed=st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.floats()),
    )
)
def test_no_field_is_too_odd_to_be_judged_and_what_passes_can_be_written(changed: dict[str, Any]) -> None:
    row = judged(**changed)
    if isinstance(row, Row):
        texts = [row.node, row.source or "", row.boot, row.label or "", row.body, row.day]
        assert all(text.encode() is not None for text in texts)
        assert row.day[4] == row.day[7] == "-"


def test_what_came_of_late_is_known_and_memory_is_bounded() -> None:
    recent, rows = Recent(most=2), [judged(seq=seq) for seq in (1, 2, 3)]
    for row in rows:
        assert isinstance(row, Row)
        assert not recent.has(row)
        recent.add(row)
    assert [recent.has(row) for row in rows if isinstance(row, Row)] == [False, True, True]


def test_an_operator_hears_each_thing_once_a_minute_and_no_flood() -> None:
    said: list[str] = []
    now_s = [0.0]
    remark = Remarks(said.append, lambda: now_s[0])
    for _ in range(3):
        remark("the disk is full")
    assert said == ["the disk is full"]
    for number in range(100):
        remark(f"rubbish {number}")
    assert len(said) == MOST
    now_s[0] = SAY_AGAIN_S
    remark("the disk is full")
    assert said[MOST:] == [f"{100 - (MOST - 1)} more remarks in the last minute", "the disk is full"]
