"""Each benchmark runs, in its short form: what is never run rots."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from models import registry

ROOT = Path(__file__).parents[2]


def run(name: str, folder: Path, *more: str) -> dict[str, Any]:
    result = folder / "result.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--short", "--json", str(result), *more],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    told: dict[str, Any] = json.loads(result.read_text())
    assert told["machine"]["cores"] >= 1
    assert told["figures"]["sha256"] == registry.load(registry.DEFAULT).sha256
    return told


def test_stream(tmp_path: Path) -> None:
    figures = run("stream", tmp_path)["figures"]
    assert figures["always_utterances"] > figures["a_tenth_utterances"] > 0
    assert figures["never_utterances"] == 0
    assert figures["never_percent_of_a_core"] < figures["always_percent_of_a_core"]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the picture needs the lab extra, Python 3.10 or newer")
def test_way_draws_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "way.png"
    figures = run("way", tmp_path, "--plot", str(picture))["figures"]
    assert figures["utterances"] == 5
    assert figures["duration_s"] == pytest.approx(soundfile.info(ROOT / "daemon/demo/cabin.flac").duration, abs=0.01)
    assert picture.read_bytes().startswith(b"\x89PNG")
