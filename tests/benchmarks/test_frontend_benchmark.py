"""The comparisons run in their short form, and what they say about their own goals holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.lines import Goal, columns, compared, side, table, valued
from benchmarks.rounds import Times, alternate, ratio

ROOT = Path(__file__).parents[2]

needs_peers = pytest.mark.skipif(sys.version_info < (3, 10), reason="what it is compared with needs Python 3.10 or newer")


def run(name: str, folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    result = folder / "result.json"
    command = [sys.executable, "-m", "benchmarks", name, "--short", "--json", str(result), *more]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: dict[str, Any] = json.loads(result.read_text())["figures"]
    return figures, said


@needs_peers
def test_frontend(tmp_path: Path) -> None:
    picture = tmp_path / "frontend.png"
    figures, said = run("frontend", tmp_path, "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    wanted = [line for line in figures["lines"] if line["must"]]
    assert {line["side"] for line in wanted} >= {"librosa", "scipy.fft.rfft alone", "kernels compiled before"}
    assert all(line["reached"] in ("aim", "yes", "MISSED") for line in wanted)
    assert all(line["p50_us"] > 0.0 for line in figures["lines"])
    # sides that do not the same work are no comparison
    differences = {name: value for name, value in figures["notes"].items() if "difference" in name}
    assert len(differences) == 3
    assert max(differences.values()) < 0.01
    for line in figures["lines"]:
        assert line["question"] in said
        assert line["side"] in said


@needs_peers
def test_fft(tmp_path: Path) -> None:
    figures, said = run("fft", tmp_path)
    assert {line["question"] for line in figures["lines"]} == {"1 frame of 512", "10 frames of 512", "300 frames of 512"}
    assert max(figures["largest_error"].values()) < 1e-5
    assert "rocket-fft" in said


def test_sides_take_turns_and_the_order_turns_round() -> None:
    heard: list[str] = []
    times = alternate({"a": lambda i: heard.append(f"a{i}"), "b": lambda i: heard.append(f"b{i}")}, 3, calls=2)
    assert heard == ["a0", "a0", "b0", "b0", "b1", "b1", "a1", "a1", "a2", "a2", "b2", "b2"]
    assert {name: len(ns) for name, ns in times.items()} == {"a": 3, "b": 3}


def test_the_ratio_is_of_pairs() -> None:
    # both sides slow down together, ten times: the pairs do not notice
    ours = np.array([1000, 1000, 10000, 10000, 1000])
    assert ratio(3 * ours, ours) == 3.0
    assert Times.of(ours).p50_us == 1.0
    assert Times.of(ours).p99_us == pytest.approx(10.0)


def test_who_comes_second_is_not_the_slower_for_it() -> None:
    assert ratio(np.array([20, 10, 20, 10]), np.array([10, 20, 10, 20])) == 1.0
    assert ratio(np.array([30]), np.array([10])) == 3.0


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        (Goal(">=", 3.0, 5.0), 5.0, "aim"),
        (Goal(">=", 3.0, 5.0), 3.0, "yes"),
        (Goal(">=", 3.0, 5.0), 2.9, "MISSED"),
        (Goal("<=", 2.0, 1.4), 1.4, "aim"),
        (Goal("<=", 2.0, 1.4), 2.1, "MISSED"),
        (Goal("<=", 1.05), 0.5, "yes"),
    ],
)
def test_a_goal(goal: Goal, value: float, reached: str) -> None:
    assert goal.reached(value) == reached


def test_a_goal_is_marked_in_our_times() -> None:
    ours, theirs = np.full(9, 1000), np.full(9, 6000)
    faster = compared(side("q", "theirs", theirs, ours=False), theirs, ours, "x our time", Goal(">=", 3.0, 5.0))
    assert (faster.value, faster.value_of_medians, faster.reached) == (6.0, 6.0, "aim")
    assert (faster.must_us, faster.aim_us) == pytest.approx((2.0, 1.2))
    floor = compared(side("q", "floor", ours, ours=False), theirs, ours, "x its time", Goal("<=", 2.0))
    assert (floor.value, floor.must_us, floor.aim_us, floor.reached) == (6.0, 2.0, None, "MISSED")


def test_the_table_says_a_question_once_and_lines_its_columns_up() -> None:
    first = side("how fast?", "ours", np.array([1500]))
    second = valued(side("how fast?", "theirs", np.array([12000000])), 8.0, "x", Goal(">=", 3.0))
    said = table([vars(first), vars(second)]).splitlines()
    assert [line for line in said if "how fast?" in line] == ["how fast?"]
    assert said[-2].index("1.5") + len("1.5") == said[-1].index("12,000.0") + len("12,000.0")
    assert said[-1].split()[-3:] == [">=", "3", "yes"]
    assert columns(("a", "count"), [("x", "1")]).splitlines() == ["a  count", "-  -----", "x      1"]
