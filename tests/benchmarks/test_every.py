"""The page of all results is made of what lies in a folder, and says of each what it was measured on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import every, page
from benchmarks.every import OPTIONS

ROOT = Path(__file__).parents[2]
MACHINE = {
    "processor": "A Processor",
    "cores": 1,
    "cores_there_are": 2,
    "power_mode": "MODE_15W_2CORE",
    "governor": "performance",
    "load": 0.5,
    "python": "3.11.7",
    "versions": {"numpy": "2.0.0", "torch": "not installed"},
    "commit": "abc",
    "at": "2026-01-01T00:00:00Z",
}
COSTS = {"a block": {"p50": 50.0, "p90": 90.0, "p99": 200.0, "max": 900.0, "count": 180000}}


def stream(percent: float, **machine: Any) -> dict[str, Any]:
    shares = {f"{name}_percent_of_a_core": percent for name in ("always", "a_tenth", "never")}
    figures = {**shares, "costs_us": dict.fromkeys(("always", "a_tenth", "never"), COSTS)}
    return {
        "benchmark": "stream",
        "machine": {**MACHINE, **machine},
        "models": {"affectnet": "0123456789abcdef"},
        "figures": figures,
    }


def test_the_page_says_what_was_found_what_was_wanted_and_on_what(tmp_path: Path) -> None:
    place = tmp_path / "RESULTS.md"
    page.write(place, {"stream": stream(0.7)}, {"gpu": "not here: no GPU"}, tmp_path / "pictures")
    said = place.read_text()
    (row,) = [line for line in said.splitlines() if "speaks always" in line]
    for part in ("0.7 %", "p50 50", "p90 90", "p99 200", "max 900", "n 180,000", "at most 3 %", "1.2 %", "| aim |", "| 1 |"):
        assert part in row
    assert "**missed**" in next(line for line in said.splitlines() if "speaks never" in line)
    assert "A Processor, 1 of 2 cores used, power mode MODE_15W_2CORE, governor performance" in said
    assert "affectnet `0123456789ab`" in said
    assert "not here: no GPU" in said


def test_each_result_keeps_its_own_machine(tmp_path: Path) -> None:
    place = tmp_path / "RESULTS.md"
    lines = [{"question": "q", "side": "s", "p50_us": 1.0, "p90_us": 2.0, "p99_us": 3.0, "max_us": 4.0, "count": 5}]
    rest = {"value": None, "unit": "", "must": "", "aim": "", "reached": ""}
    other = {**stream(0.7, processor="Another"), "figures": {"lines": [{**line, **rest} for line in lines]}}
    page.write(place, {"stream": stream(0.7), "frontend": other}, {}, tmp_path)
    said = place.read_text()
    assert re.search(r"^1\. A Processor", said, re.MULTILINE)
    assert re.search(r"^2\. Another", said, re.MULTILINE)
    assert next(line for line in said.splitlines() if line.startswith("| `frontend` | q: s")).endswith("| 2 |")


def test_what_is_there_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, place = tmp_path / "results", tmp_path / "RESULTS.md"
    results.mkdir()
    (results / "stream.json").write_text(json.dumps(stream(0.7)))
    monkeypatch.setattr(every, "QUICK", ("stream", "gpu"))
    asked: list[str] = []

    def measured(name: str, *_: object) -> str:
        asked.append(name)
        return "not here: no GPU"

    monkeypatch.setattr(every, "_measured", measured)
    assert every.run(True, results, again=False, quick=True, page=place, pictures=tmp_path) == 0
    assert asked == ["gpu"]
    assert "0.7 %" in place.read_text()
    monkeypatch.setattr(every, "_measured", lambda *_: "failed: AssertionError")
    assert every.run(True, results, again=True, quick=True, page=place, pictures=tmp_path) == 1


def test_a_real_result_comes_whole_or_says_why_not(tmp_path: Path) -> None:
    """By `gpu`, which says at once where there is none; a GPU that is there is measured."""
    result = tmp_path / "gpu.json"
    why = every._measured("gpu", True, result, tmp_path)
    assert bool(why) != result.exists()
    assert not why.startswith("failed")


def test_every_benchmark_is_in_all_or_told_by_hand() -> None:
    from benchmarks.__main__ import QUESTIONS

    # a picture of one recording is no measurement
    assert set(QUESTIONS) - {"way"} <= set(every.SECONDS) | set(every.BY_HAND)
    assert set(every.SECONDS) <= set(QUESTIONS)
    assert set(every.QUICK) <= set(every.SECONDS)
    assert set(OPTIONS) == {"results", "again", "quick"}


def test_an_unknown_benchmark_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "all" in done.stderr
