"""The board's benchmark on a Jetson made of files: the real jtop over made-up watts, and a script in the place of nvpmodel.

What it draws, and that another mode changes nothing but its name, is made up; what reads it, adds it up and divides it is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import pytest
import soundfile

from benchmarks import device
from benchmarks.device_material import Sentence
from daemon.demo import RECORDING
from tests.fixtures.fake_jetson import MODES, FakeJetson

ROOT = Path(__file__).parents[2]
WATTS = 7.5


def made(folder: Path) -> Path:
    """Two sentences, of moods that nobody knows better."""
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    folder.mkdir()
    for k, label in enumerate(("anger", "neutral")):
        soundfile.write(folder / f"{label}-{k:02}.flac", samples[k * 4 * rate_hz :][: 2 * rate_hz], rate_hz)
    return folder


def run(folder: Path, *more: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    result = folder / "result.json"
    command = [sys.executable, "-m", "benchmarks", "device", "--short", "--json", str(result), *more]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    told: dict[str, Any] = json.loads(result.read_text())
    return told


def test_on_a_board_of_files_it_tells_joules_by_mode_and_leaves_the_mode_as_it_was(tmp_path: Path) -> None:
    material = made(tmp_path / "sentences")
    with FakeJetson() as board:
        board.draw(WATTS)
        environment = {**os.environ, "PATH": f"{board.programs}:{os.environ['PATH']}"}
        told = run(tmp_path, "--material", str(material), "--modes", "0,2", environment=environment)
        now = subprocess.run(["nvpmodel", "-q"], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert MODES[2] in now
    assert told["machine"]["power_mode"] == MODES[2]
    modes = told["figures"]["modes"]
    assert list(modes) == [MODES[0], MODES[2]]
    for mode, found in modes.items():
        assert found["idle"]["mean_w"] == pytest.approx(WATTS, abs=0.01)
        for name in device.MODELS:
            one = found[name]
            assert (one["drawn"]["mode"], one["drawn"]["total_of"]) == (mode, "VDD_IN")
            mean_s = one["drawn"]["seconds"] / one["ms"]["count"]
            assert one["joules_an_utterance"] == pytest.approx(WATTS * mean_s, rel=0.02)
            # watts that do not move: all that is drawn is drawn at rest, too
            assert one["joules_an_utterance_above_idle"] == pytest.approx(0.0, abs=0.02 * one["joules_an_utterance"])


def test_what_the_desktop_said_is_what_the_board_is_held_to(tmp_path: Path) -> None:
    def found(*said: str) -> dict[str, Any]:
        one = {"said": list(said), "ms": {"p50": 2.5}, "recognised_percent": 50.0}
        return {"modes": {"none": {name: dict(one) for name in device.MODELS}}}

    reference = tmp_path / "desktop.json"
    desktop, board = found("anger", "neutral"), found("anger", "fear")
    device.against_the_desktop(desktop, reference)
    assert desktop["desktop"] == "this machine"
    device.against_the_desktop(board, reference)
    one = board["modes"]["none"]["affectnet"]
    assert one["same_label_as_desktop"] == "1 of 2"
    assert (one["desktop_ms_p50"], one["desktop_recognised_percent"]) == (2.5, 50.0)
    assert "cores used" in board["desktop"]


def test_recognised_is_counted_by_label() -> None:
    sentences = [Sentence(np.zeros(1, np.float32), label) for label in ("anger", "anger", "fear")]
    told = device.right(sentences, ["anger", "fear", "fear"])
    assert told == {"recognised_percent": 66.7, "recognised": {"anger": "1/2", "fear": "1/1"}}
    assert device.right([Sentence(np.zeros(1, np.float32), "")], ["anger"]) == {}
