"""The benchmark of the start runs, in its short form: one start, with the kernels that are compiled already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.process import look

ROOT = Path(__file__).parents[2]


def test_startup(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "startup", "--short", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert figures["warm_count"] == 1
    assert figures["warm_s_on_the_core"] > 0.0
    assert figures["warm_s_p50"] == figures["warm_s_max"] > 0.0
    assert figures["warm_rss_mb_at_rest"] > figures["warm_anonymous_mb_at_rest"] > 10.0


def test_a_process_is_seen_as_it_is() -> None:
    before = look(os.getpid())
    held = os.urandom(64_000_000)
    with open(os.devnull) as _:
        after = look(os.getpid())
    assert 60.0 < after.anonymous_mb - before.anonymous_mb < 70.0
    assert after.rss_mb - after.anonymous_mb > 1.0
    assert after.descriptors == before.descriptors + 1
    assert after.core_s >= before.core_s > 0.0
    assert after.threads >= 1
    del held
