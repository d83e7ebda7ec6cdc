"""The loop, step by step: which source, which health, and when something is said."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Mapping, Sequence

import pytest

from daemon.power.choice import choose
from daemon.power.logger import PowerLogger
from daemon.power.reading import PowerSource, Reading
from daemon.settings import PowerSettings

HEALTH = {"boot": "5e7v1ce0", "latency_ms": {"utterance": {"count": 3, "p50": 6.5}, "inference": {"count": 9, "p50": 4.0}}}


class Kept:
    """Rows and messages, in memory."""

    def __init__(self, **settings: Any) -> None:
        self.rows: list[Mapping[str, str]] = []
        self.messages: list[dict[str, Any]] = []
        self.logger = PowerLogger(PowerSettings(**settings), "n0de", self, self.messages.append)

    def write(self, cells: Mapping[str, str]) -> None:
        self.rows.append(cells)

    def step(self) -> Mapping[str, str]:
        self.logger.step()
        return self.rows[-1]


class Scripted:
    """A source that gives what it is told to; no machine measures it."""

    name = "scripted"

    def __init__(self, *batches: Sequence[Reading]) -> None:
        self.trouble = "the script is over"
        self._batches = list(batches)

    def read(self) -> Sequence[Reading]:
        return self._batches.pop(0) if self._batches else []

    def close(self) -> None:
        self.trouble = "closed"


def scripted(monkeypatch: pytest.MonkeyPatch, *sources: PowerSource) -> None:
    left = list(sources)
    monkeypatch.setattr("daemon.power.logger.choose", lambda *_: left.pop(0) if len(left) > 1 else left[0])


def readings(*moments: tuple[float, float]) -> list[Reading]:
    return [Reading(taken_s=taken_s, every_s=1.0, total_w=watts, total_of="VDD_IN") for taken_s, watts in moments]


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The logger's monotonic clock; the test moves it."""
    now = [1000.0]
    monkeypatch.setattr("daemon.power.logger.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_every_reading_counts_however_many_come_in_a_step(monkeypatch: pytest.MonkeyPatch, now_s: list[float]) -> None:
    came = readings((1000.0, 4.0), (1001.0, 8.0), (1002.0, 4.0))
    scripted(monkeypatch, Scripted(came[:1], [], came[1:]))
    kept = Kept()
    rows = []
    for now_s[0] in (1000.0, 1001.0, 1002.0):
        rows.append(kept.step())
    assert [row["total_w"] for row in rows] == ["4.000", "4.000", "4.000"]
    assert [row["energy_j"] for row in rows] == ["", "", "12.000"]


def test_a_source_that_is_silent_for_too_long_is_away(
    monkeypatch: pytest.MonkeyPatch, now_s: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scripted(monkeypatch, Scripted(readings((1000.0, 4.0)), [], [], [], readings((1010.0, 4.0))))
    kept = Kept()
    states = []
    for now_s[0] in (1000.0, 1003.0, 1003.1, 1009.0, 1010.0):
        states.append(kept.step()["state"])
    assert states == ["measured", "measured", "away", "away", "measured"]
    assert [record.message for record in caplog.records] == [
        "power is measured by scripted: VDD_IN",
        "scripted: the script is over; I keep trying, and count no energy meanwhile",
        "power is measured by scripted: VDD_IN",
    ]


def test_a_source_that_comes_late_is_found(monkeypatch: pytest.MonkeyPatch, now_s: list[float]) -> None:
    scripted(monkeypatch, choose("none", 1.0), Scripted(readings((1031.0, 4.0))))
    kept = Kept()
    states = []
    for now_s[0] in (1000.0, 1029.0, 1030.0, 1031.0):
        states.append((kept.step()["measured_by"], kept.rows[-1]["state"]))
    assert states == [("none", "none"), ("none", "none"), ("scripted", "away"), ("scripted", "measured")]


def test_who_wants_no_source_is_not_given_one_later(monkeypatch: pytest.MonkeyPatch, now_s: list[float]) -> None:
    kept = Kept(measure_with="none")
    monkeypatch.setattr("daemon.power.logger.choose", lambda *_: pytest.fail("asked"))
    for now_s[0] in (1000.0, 2000.0):
        assert kept.step()["state"] == "none"


def test_what_the_service_said_long_ago_says_nothing_of_now(now_s: list[float]) -> None:
    kept = Kept(measure_with="none", publish_every_s=0.1)
    kept.logger.hear(json.dumps(HEALTH).encode(), retained=True)
    assert kept.step()["service_boot"] == "", "what the broker has kept is of another time"
    kept.logger.hear(json.dumps(HEALTH).encode(), retained=False)
    assert (kept.step()["utterance_p50_ms"], kept.rows[-1]["service_age_s"]) == ("6.500", "0.0")
    now_s[0] += 60.0
    assert (kept.step()["inference_p50_ms"], kept.rows[-1]["service_age_s"]) == ("4.000", "60.0")
    now_s[0] += 0.1
    row = kept.step()
    assert (row["inference_p50_ms"], row["utterances"], row["service_age_s"]) == ("", "", "")
    assert "service" not in kept.messages[-1]


@pytest.mark.parametrize(("every_s", "n_messages"), [(0.0, 0), (1.0, 11), (5.0, 3), (10.0, 2)])
def test_it_publishes_as_often_as_it_is_told_to(now_s: list[float], every_s: float, n_messages: int) -> None:
    kept = Kept(measure_with="none", publish_every_s=every_s)
    for second in range(11):
        now_s[0] = 1000.0 + second
        kept.step()
    assert (len(kept.messages), len(kept.rows)) == (n_messages, 11)
