"""The benchmark of a fleet runs, in its short form, and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_fleet(tmp_path: Path) -> None:
    result, picture = tmp_path / "result.json", tmp_path / "fleet.png"
    command = [sys.executable, "-m", "benchmarks", "fleet", "--short", "--json", str(result), "--plot", str(picture)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    one = figures["one mosquitto"]
    assert one["committed"] >= 20 * 20
    assert (one["lost"], one["out_of_order"], one["faults"], one["not_delivered"]) == (0, 0, [], 0)
    assert one["received"] + one["lost_by_the_broker_after_its_puback"] == one["committed"]
    # each cabin has lost its broker twice, and found it again
    assert one["connections"] >= 3 * 20
    assert figures["one cabin"]["sent_bytes_an_hour"] > figures["one cabin"]["of_it_health"] > 0
    assert len(figures["100,000 cabins"]["one mosquitto"]) == 4
    assert picture.stat().st_size > 0
