"""The archive's benchmark runs, in its short form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs the lab extra, Python 3.10 or newer")
def test_archive(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "archive", "--short", "--files", "80", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert figures["recordings_a_second_a_core"] > 0
    assert (figures["workers_killed"], figures["recordings_lost"], figures["recordings_twice"]) == (1, 0, 0)
    assert figures["many"] == 80
    assert figures["many_bad"] == 60, "three of four have no word"
    assert figures["worker_mb_at_most"] > 0
