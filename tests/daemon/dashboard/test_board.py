"""What the page keeps of what it hears: the newest, ten minutes, and never more than its bounds, whoever publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.dashboard.board import MOST_NODES, MOST_SOURCES, Board
from daemon.dashboard.past import BEAT_MS, KEPT_MS, MOST_EPISODES, MOST_LABELS, MOST_POINTS
from daemon.dashboard.plain import DEEPEST, MOST_CHARACTERS, MOST_ENTRIES, bounded

NOW_MS = 1_700_000_000_000
SHARES = {"anger": 0.7, "neutral": 0.3}


def state(**more: Any) -> bytes:
    return json.dumps({"label": "anger", "probabilities": SHARES, "speaking": True, "level_dbfs": -20.0, **more}).encode()


def episode(phase: str, name: str = "one", label: str = "anger", lasted_s: float = 3.0) -> bytes:
    return json.dumps({"phase": phase, "id": name, "label": label, "duration_s": lasted_s}).encode()


def board() -> Board:
    return Board("127.0.0.1:1883")


def seat_of(told: dict[str, Any], node: str = "car", source: str = "driver") -> dict[str, Any]:
    found: dict[str, Any] = told["nodes"][node]["sources"][source]
    return found


def test_a_page_that_comes_is_told_everything_and_then_what_changes() -> None:
    one = board()
    one.take("affectd/car/driver/state", state(), False, NOW_MS)
    one.take("affectd/car/availability", b'{"status": "online"}', True, NOW_MS)
    told = one.since(0)
    assert told["whole"]
    assert told["broker"]["connected"] is False
    assert told["nodes"]["car"]["availability"]["body"] == {"status": "online"}
    assert seat_of(told)["points"] == [[NOW_MS, [0.7, 0.3], True, -20.0]]
    assert set(one.since(told["version"])) == {"version", "now_ms", "whole"}
    one.take("affectd/car/driver/state", state(label="neutral"), False, NOW_MS + 1000)
    news = one.since(told["version"])
    assert not news["whole"]
    assert "availability" not in news["nodes"]["car"]
    assert [point[0] for point in seat_of(news)["points"]] == [NOW_MS + 1000]
    assert seat_of(news)["state"]["body"]["label"] == "neutral"


def test_what_comes_faster_than_a_beat_is_one_point_the_newest() -> None:
    one = board()
    for late_ms in range(0, BEAT_MS, 10):
        one.take("affectd/car/driver/state", state(level_dbfs=-float(late_ms)), False, NOW_MS + late_ms)
    assert seat_of(one.since(0))["points"] == [[NOW_MS, [0.7, 0.3], True, 10.0 - BEAT_MS]]


def test_a_clock_that_is_set_back_does_not_mix_the_points() -> None:
    one = board()
    for at_ms in (NOW_MS, NOW_MS - 5000, NOW_MS + 1000):
        one.take("affectd/car/driver/state", state(), False, at_ms)
    assert [point[0] for point in seat_of(one.since(0))["points"]] == [NOW_MS, NOW_MS + 1000]


def test_points_of_a_forgotten_mood_have_no_probabilities() -> None:
    one = board()
    one.take("affectd/car/driver/state", state(label="uncertain", probabilities={}), False, NOW_MS)
    assert seat_of(one.since(0))["points"] == [[NOW_MS, None, True, -20.0]]


def test_an_episode_begins_lasts_and_ends_as_one_band() -> None:
    one = board()
    one.take("affectd/car/driver/episode", episode("new"), False, NOW_MS)
    assert seat_of(one.since(0))["episodes"] == [["one", "anger", NOW_MS - 3000, None]]
    one.take("affectd/car/driver/episode", episode("update", lasted_s=13.0), False, NOW_MS + 10000)
    one.take("affectd/car/driver/episode", episode("end", lasted_s=15.0), False, NOW_MS + 12000)
    assert seat_of(one.since(0))["episodes"] == [["one", "anger", NOW_MS - 3000, NOW_MS + 12000]]


@pytest.mark.parametrize("status", ["offline", "stopped"])
def test_episodes_of_a_service_that_is_gone_do_not_go_on(status: str) -> None:
    one = board()
    one.take("affectd/car/driver/episode", episode("new"), False, NOW_MS)
    one.take("affectd/other/driver/episode", episode("new"), False, NOW_MS)
    one.take("affectd/car/availability", json.dumps({"status": status}).encode(), False, NOW_MS + 500)
    told = one.since(0)
    assert seat_of(told)["episodes"][0][3] == NOW_MS + 500
    assert seat_of(told, "other")["episodes"][0][3] is None


def test_a_message_in_a_cloudevents_envelope_is_taken_out_of_it() -> None:
    one = board()
    one.take("affectd/car/driver/state", b'{"specversion": "1.0", "data": ' + state() + b"}", False, NOW_MS)
    assert seat_of(one.since(0))["state"]["body"]["label"] == "anger"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no JSON",
        b"[]",
        b"3",
        b"\xff\xfe",
        b'{"level_dbfs": NaN}',
        b'{"level_dbfs": 1e999}',
        b"[" * 100_000,
        b"{" + b" " * 70000 + b"}",
    ],
    ids=["empty", "text", "list", "number", "no text", "NaN", "infinite", "deep", "large"],
)
def test_what_is_no_message_is_counted_and_nothing_else(payload: bytes) -> None:
    one = board()
    one.take("affectd/car/driver/state", payload, False, NOW_MS)
    assert one.n_foreign == 1
    assert "nodes" not in one.since(0)


@pytest.mark.parametrize("topic", ["affectd", "affectd/car", "affectd/a/b/c/d", f"affectd/{'x' * 65}/driver/state"])
def test_a_topic_that_is_none_of_ours_is_ignored(topic: str) -> None:
    one = board()
    one.take(topic, state(), False, NOW_MS)
    assert "nodes" not in one.since(0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["state", "utterance", "episode"])


@settings(max_examples=40)
@given(
    bodies=st.lists(
        st.tuples(
            KINDS,
            st.dictionaries(
                st.sampled_from(
                    ["label", "probabilities", "speaking", "level_dbfs", "phase", "id", "duration_s", "at", "model"]
                ),
                JSON,
            ),
        ),
        max_size=6,
    )
)
def test_whatever_is_in_a_message_the_page_can_be_told(bodies: list[tuple[str, dict[str, Any]]]) -> None:
    one = board()
    for kind, body in bodies:
        one.take(f"affectd/car/driver/{kind}", json.dumps(body).encode(), False, NOW_MS)
        one.take("affectd/car/health", json.dumps(body).encode(), False, NOW_MS)
    json.dumps(one.since(0), allow_nan=False).encode()


@given(value=JSON)
def test_what_is_kept_is_bounded(value: Any) -> None:
    def check(kept: Any, depth: int) -> None:
        assert depth <= DEEPEST
        if isinstance(kept, str):
            assert len(kept) <= MOST_CHARACTERS
            kept.encode()
        elif isinstance(kept, (dict, list)):
            assert len(kept) <= MOST_ENTRIES
            for one in kept.values() if isinstance(kept, dict) else kept:
                check(one, depth + 1)

    check(bounded(value), 0)
    assert bounded(bounded(value)) == bounded(value)


def test_a_flood_of_names_pushes_the_oldest_out_and_pages_are_told_anew() -> None:
    one = board()
    one.take("affectd/car/driver/state", state(), False, NOW_MS)
    seen = one.since(0)["version"]
    for number in range(3 * MOST_SOURCES):
        one.take(f"affectd/node{number % (2 * MOST_NODES)}/seat{number}/state", state(), False, NOW_MS)
    told = one.since(seen)
    assert told["whole"]
    assert len(told["nodes"]) <= MOST_NODES
    assert sum(len(node.get("sources", {})) for node in told["nodes"].values()) <= MOST_SOURCES
    assert not one.knows("car", "driver")


def test_a_flood_of_labels_and_episodes_is_cut() -> None:
    one = board()
    for number in range(200):
        one.take("affectd/car/driver/state", state(probabilities={f"mood{number}": 1.0}), False, NOW_MS + BEAT_MS * number)
        one.take("affectd/car/driver/episode", episode("new", name=f"id{number}"), False, NOW_MS + BEAT_MS * number)
    seat = seat_of(one.since(0))
    assert len(seat["labels"]) == MOST_LABELS
    assert len(seat["episodes"]) == MOST_EPISODES


def test_a_day_of_messages_leaves_no_more_behind_than_its_last_ten_minutes() -> None:
    """24 hours, a state every five seconds and an episode every minute: after the first half hour nothing is added."""
    one, sizes = board(), []
    for second in range(0, 86400, 5):
        at_ms = NOW_MS + 1000 * second
        one.take("affectd/car/driver/state", state(level_dbfs=-10.0 - second % 60), False, at_ms)
        if second % 30 == 0:
            phase = "end" if second % 60 else "new"
            one.take("affectd/car/driver/episode", episode(phase, name=f"id{second // 60:05}"), False, at_ms)
        if second % 1800 == 1795:
            sizes.append(len(json.dumps(one.since(0))))
    seat = seat_of(one.since(0))
    assert len(seat["points"]) == KEPT_MS // 5000 + 1 <= MOST_POINTS
    assert len(seat["episodes"]) <= 11
    assert max(sizes) - min(sizes) < 100
