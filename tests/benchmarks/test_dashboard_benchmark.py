"""The benchmark of the page runs, in its short form; a day's memory stays what it was after an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_tells_what_it_was_asked(tmp_path: Path) -> None:
    result, picture = tmp_path / "result.json", tmp_path / "page.png"
    command = [sys.executable, "-m", "benchmarks", "dashboard", "--short", "--json", str(result), "--plot", str(picture)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert all(
        figures[f"first_paint_ms {page}"]["p50"] > 0.0 for page in ("/", "/analyse", "/models", "/results", "/results/paper-1")
    )
    assert figures["board_rss_mb_most"] < figures["board_rss_mb_after_an_hour"] + 3.0
    assert figures["server_percent_of_a_core_one_page"] >= 0.0
    assert picture.read_bytes().startswith(b"\x89PNG")
