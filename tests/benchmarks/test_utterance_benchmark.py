"""The benchmark of a sentence runs, in its short form, and both sides of CL do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="beside the lab's PyTorch, Python 3.10 or newer")


def test_utterance(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "utterance", "--short", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    stack = "librosa and PyTorch, CL"
    assert [line["side"] for line in figures["lines"]] == [
        *("cl-emodb", "cl-emodb, 8 bits", "affectnet", "affectnet-free"),
        *(stack, stack),
    ]
    assert figures["the bundled recording, largest difference of the stack"] < 1e-4
    assert figures["the bundled recording, same label as the stack"] == "4 of 4"
    assert 0.0 < figures["the bundled recording, largest difference of 8 bits"] < 0.1
    for each in figures["ms"].values():
        assert 0.0 < each["p50"] <= each["p90"] <= each["p99"] <= each["max"]
        assert each["count"] == 8
