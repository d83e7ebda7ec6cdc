"""The benchmark of what was queued while the broker was away runs, in its short form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_delivery(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "delivery", "--short", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert 0.0 < figures["away_0.5_s_first_s"]["max"] <= figures["away_0.5_s_last_s"]["max"]
    assert figures["away_0.5_s_again"] == 0
    assert figures["away_0.5_s_rounds_incomplete"] == 0
