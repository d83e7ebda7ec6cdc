"""The benchmarks of the loop, the way and the GPU run, in their short forms, and what they say adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.endtoend import TOTAL, stages_ms
from benchmarks.seats import CoreClock, Microphone
from benchmarks.spread import spread
from models import registry
from models.session import open_file

ROOT = Path(__file__).parents[2]

needs_lab = pytest.mark.skipif(sys.version_info < (3, 10), reason="beside the lab's PyTorch, Python 3.10 or newer")


def run(name: str, folder: Path) -> dict[str, Any]:
    result, picture = folder / "result.json", folder / "picture.png"
    command = [sys.executable, "-m", "benchmarks", name, "--short", "--json", str(result), "--plot", str(picture)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert picture.read_bytes().startswith(b"\x89PNG")
    told: dict[str, Any] = json.loads(result.read_text())
    assert {"processor", "cores", "power_mode", "governor", "versions"} <= set(told["machine"])
    assert told["models"] == {registry.DEFAULT: registry.load(registry.DEFAULT).sha256}
    figures: dict[str, Any] = told["figures"]
    return figures


@needs_lab
@pytest.mark.timeout(900)
def test_streams(tmp_path: Path) -> None:
    figures = run("streams", tmp_path)
    for tries in figures["tries"].values():
        assert [one["seats"] for one in tries] == [1, 4]
        assert all(one["percent_of_a_core"] > 0.0 for one in tries)
    # where somebody speaks a tenth of the time a seat may have nothing to say in three seconds
    assert figures["tries"]["always"][-1]["message_ms"]["count"] > 0
    assert all(one["percent_of_a_core"] > 0.0 for one in figures["in_real_time"].values())
    assert [one["batch"] for one in figures["batching"]] == [2, 4, 8, 16, 32]
    assert all(one["together_us"] > 0.0 for one in figures["batching"])


@needs_lab
@pytest.mark.timeout(900)
def test_endtoend(tmp_path: Path) -> None:
    figures = run("endtoend", tmp_path)
    ms = figures["ms"]
    assert ms[TOTAL]["count"] == ms["delivery"]["count"] >= 3 * figures["microphones"]
    assert ms[TOTAL]["p50"] >= ms["delivery"]["p50"] > 0.0
    assert figures["hang_over_ms"]["p50"] >= 700.0
    assert figures["percent_of_a_core"]["loop"] > 0.0


@needs_lab
def test_scaling(tmp_path: Path) -> None:
    parts = run("scaling", tmp_path)["parts"]
    assert set(parts) == {"window", "stride", "microphones", "hours of sound"}
    for points in parts.values():
        assert [point["x"] for point in points] == sorted(point["x"] for point in points)
        assert all(point["us"]["count"] > 0 for point in points)
    hours = [point["y"] for point in parts["hours of sound"]]
    assert hours == sorted(hours)


def test_the_stages_of_an_utterance_come_to_the_whole() -> None:
    latency = {"hang_over": 800.0, "block": 3.0, "queue": 0.5, "front_end": 0.25, "inference": 1.25, "total": 805.0}
    stages = stages_ms({"at": "2026-01-01T00:00:00.000Z", "received_s": 1767225600.020, "latency_ms": latency})
    assert stages["delivery"] == pytest.approx(20.0, abs=0.01)
    assert stages[TOTAL] == pytest.approx(25.0, abs=0.01)


def test_the_clock_counts_work_and_leaps_over_what_nobody_needs() -> None:
    clock = CoreClock()
    sound = np.arange(3200, dtype=np.int16)
    microphone = Microphone("driver", sound, 160, 320, 20_000_000, clock)
    clock.microphones = [microphone]
    clock.now_ns()
    assert microphone.read() is None
    clock.wait(1.0)
    assert clock.seen_ns == 30_000_000, "half a block's time later than one that begins at 0"
    block = microphone.read()
    assert block is not None
    assert (block.start_sample, block.captured_ns, block.samples[0], len(block.samples)) == (0, 30_000_000, 160, 320)
    clock.wait(0.005)
    assert clock.seen_ns < 40_000_000, "no farther than asked"
    before_ns = clock.now_ns()
    sum(range(200_000))
    assert clock.now_ns() > before_ns
    assert clock.idle_ns > 0


def test_a_spread_has_all_that_a_result_must() -> None:
    assert spread(np.arange(101)) == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0, "count": 101}
    assert spread([]) == {"count": 0}


@pytest.mark.parametrize("name", gpu.MODELS)
def test_what_is_fed_on_cuda_fits_the_file(name: str) -> None:
    """By the CPU, which takes the same arrays."""
    session, contract = open_file(registry.load(name))
    puts = {put.name: put.shape for put in session.get_inputs()}
    (logits, *_) = session.run(None, gpu._fed(puts, contract, 3))
    assert logits.shape == (3, len(contract.labels))


@needs_lab
@pytest.mark.parametrize("name", gpu.MODELS)
def test_what_asks_a_gpu_by_torch_asks_this_processor_as_well(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU can be had here: the same calls, on the CPU, with eight streams instead of a thousand."""
    import torch

    monkeypatch.setattr(gpu, "MANY", 8)
    torch.set_num_threads(1)
    artefact = registry.load(name)
    contract = open_file(artefact).contract
    asks = gpu.in_torch(artefact, contract, "cpu")
    assert set(asks) == {"fp32", "fp16"}
    answer: Any = asks["fp32"][8]()
    assert answer.shape == (8, len(contract.labels))
    told = gpu.timed(asks["fp32"], contract, 2, 2)
    assert told["many_ms"]["count"] == told["one_ms"]["count"] == 2
    assert told["streams"] == round(8 * told["stride_ms"] / told["many_ms"]["p50"])
