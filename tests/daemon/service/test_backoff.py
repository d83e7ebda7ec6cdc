"""Starts that do not last: the pauses before the next one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.service.backoff import LONGEST_S, STEADY_S, BackOff, Starts, next_start, pause_s
from daemon.service.notify import Notifier


def test_the_first_failure_is_forgiven_then_the_pauses_double_to_a_minute() -> None:
    assert [pause_s(failed) for failed in range(10)] == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@given(failed=st.integers(0, 10**6))
def test_no_pause_is_longer_than_a_minute(failed: int) -> None:
    assert 0.0 <= pause_s(failed) <= LONGEST_S


@given(failed=st.integers(0, 100), at_s=st.floats(0.0, 1e9), lived_s=st.floats(0.0, 1e6))
def test_only_a_start_that_did_not_last_counts(failed: int, at_s: float, lived_s: float) -> None:
    now_s = at_s + lived_s
    start = next_start(Starts(failed, at_s), now_s)
    assert start.failed == (0 if now_s - at_s >= STEADY_S else failed + 1)
    assert start.at_s == now_s + pause_s(start.failed)


def test_starts_that_crash_wait_longer_and_longer_and_one_that_lasts_ends_that(tmp_path: Path) -> None:
    clock = [1000.0]
    pauses = []
    for lives_s in [0.5] * 6 + [STEADY_S, 0.5]:
        pauses.append(BackOff(str(tmp_path), lambda: clock[0]).begin())
        clock[0] += pauses[-1] + lives_s
    assert pauses == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 0.0]


def test_a_stop_that_was_asked_for_is_no_failure(tmp_path: Path) -> None:
    for _ in range(10):
        back_off = BackOff(str(tmp_path))
        assert back_off.begin() == 0.0
        back_off.end()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"failed": "x", "at_s": 1}', '{"failed": 1}', "\x00"])
def test_a_damaged_count_begins_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "starts.json").write_text(content)
    assert BackOff(str(tmp_path)).begin() == 0.0


def test_without_a_folder_there_is_no_count() -> None:
    for _ in range(10):
        assert BackOff("").begin() == 0.0


def test_a_folder_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    BackOff(str(tmp_path / "gone")).begin()
    assert BackOff(str(tmp_path / "gone")).begin() == 0.0


def test_a_pause_is_told_and_ends_when_stopped(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(8):
        back_off = BackOff(str(tmp_path))
        back_off.begin()
    stop = threading.Event()
    stop.set()
    back_off.wait(Notifier(lambda text: told.append(text)), stop)
    assert told == [f"EXTEND_TIMEOUT_USEC={(60 + 60) * 10**6}", "STATUS=the last starts have failed: this one waits for 60 s"]
