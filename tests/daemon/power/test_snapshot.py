"""A message and a row say the same, in the form that is promised."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from daemon.power.cpu_use import CpuUse
from daemon.power.place import place_of
from daemon.power.snapshot import Snapshot, body, row
from daemon.settings import NodeSettings, PowerSettings, Settings
from tests.daemon.contract import Body, faults, schema
from tests.daemon.power.traces import THROTTLED, snapshots
from tests.daemon.test_schemas import not_described

DAY = snapshots([5.0] * 40 + [None] * 5 + [6.0] * 5, throttled=range(20, 30))
EVERYTHING: list[Snapshot] = [*DAY, *snapshots([None] * 3, source="none")]


@pytest.mark.parametrize("one", EVERYTHING, ids=lambda one: f"{one.source} {one.elapsed_s:g}")
def test_what_is_sent_is_as_described_and_nothing_is_without_a_description(one: Snapshot) -> None:
    said = body(one, "n0de")
    assert faults("power", said) == []
    assert list(not_described(said, schema("power"))) == []


def test_all_that_is_described_is_sent_at_some_time() -> None:
    sent = {name for one in EVERYTHING for name in body(one, "n0de")}
    assert sent == set(schema("power")["properties"])


def test_a_message_says_what_the_row_says() -> None:
    for one in DAY:
        said, cells = body(one, "n0de"), row(one)
        assert float(cells["energy_j"] or 0.0) == said["energy"]["joules"]
        assert int(cells["utterances"]) == said["service"]["utterances"]
        assert cells["utterance_p99_ms"] == f"{said['service']['latency_ms']['utterance']['p99']:.3f}"
        if one.reading:
            assert float(cells["total_w"]) == said["power"]["total_w"]
            assert cells["throttling"].split("; ") == (said["throttling"] or [""])
    assert THROTTLED in [row(one)["throttling"] for one in DAY]


WRONG: list[tuple[str, object]] = [
    ("measured_by", ""),
    ("state", "ok"),
    ("elapsed_s", -1.0),
    ("power", {"total_w": -0.1, "total_of": "VDD_IN", "rails_w": {}}),
    ("power", {"total_w": 5.0, "total_of": "VDD_IN", "rails_w": {"VDD_SOC": "1 W"}}),
    ("temperatures_c", {"CPU": None}),
    ("throttling", [""]),
    ("energy", {"joules": 1.0}),
    ("service", {"boot": "a", "age_s": 1.0, "utterances": 0.5, "windows": 0, "latency_ms": {"inference": {}, "utterance": {}}}),
    ("schema", "affectd/power/2"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_message_with_a_wrong_value_is_not_one(name: str, value: object) -> None:
    said: Body = copy.deepcopy(body(DAY[0], "n0de"))
    assert faults("power", {**said, "added_later": True}) == []
    assert faults("power", {**said, name: value})


def test_the_use_of_the_cpu_is_that_of_the_time_between(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n")
    use = CpuUse(stat)
    assert use.percent() is None, "no time has passed"
    stat.write_text("cpu  125 5 110 730 110 10 5 5 0 0\n")
    assert use.percent() == pytest.approx(60.0)
    stat.unlink()
    assert use.percent() is None


@pytest.mark.parametrize("text", ["", "cpu", "cpu  1 2 3 4\n", "cpu a b c d e\n", "\n"])
def test_a_kernel_that_does_not_tell_is_no_figure(tmp_path: Path, text: str) -> None:
    stat = tmp_path / "stat"
    stat.write_text(text)
    assert CpuUse(stat).percent() is None


def test_this_machine_tells() -> None:
    use, found = CpuUse(), None
    while found is None:
        found = use.percent()
    assert 0.0 <= found <= 100.0


def test_where_the_rows_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand: Any = Settings(power=PowerSettings(csv="/somewhere/watts.csv"))
    assert place_of(by_hand) == Path("/somewhere/watts.csv")
    ours = Settings(node=NodeSettings(state=str(tmp_path / "state")))
    assert place_of(ours) == tmp_path / "state" / "power.csv"
    # the settings' folder is the service's, which the logger's account may not use
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/other")
    assert place_of(ours) == tmp_path / "power.csv"
