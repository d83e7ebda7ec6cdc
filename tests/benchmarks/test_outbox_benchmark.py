"""The outbox's benchmark runs, in its short form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_outbox(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "outbox", "--short", "--json", str(result), "--folder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert 400 <= figures["event_bytes"] <= 1000
    assert figures["commits_a_second_batched"] > figures["commits_a_second_singly"] > 0
    assert figures["memory_mb_all_waiting"] > 0
    assert list(tmp_path.iterdir()) == [result], "its files are removed"
