"""NVIDIA's cards: the real library over a driver that is made up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from tests.daemon.contract import faults
from tests.daemon.power.logging_process import ROOT, LoggingProcess
from tests.fixtures.fake_jetson import no_fake_jetson
from tests.fixtures.fake_nvidia import GPU_IS_LOST, NOT_SUPPORTED, FakeNvidia

NOBODY = 9
"""A port where there is no broker."""


def once(tmp_path: Path, environment: Mapping[str, str]) -> Any:
    config = tmp_path / "affectd.toml"
    config.write_text("[power]\ninterval_s = 0.1\n")
    command = [sys.executable, "-m", "daemon", "power-log", "--config", str(config), "--once"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    body = json.loads(done.stdout)
    assert faults("power", body) == []
    return body


@pytest.fixture
def nvidia(tmp_path: Path) -> Iterator[FakeNvidia]:
    # a Jetson is looked for first
    with no_fake_jetson():
        yield FakeNvidia(tmp_path)


def test_a_card(tmp_path: Path, nvidia: FakeNvidia) -> None:
    nvidia.show(reasons=0x1 | 0x40)
    body = once(tmp_path, nvidia.environment)
    assert (body["measured_by"], body["state"], body["trouble"]) == ("nvml", "measured", None)
    assert body["power"] == {"total_w": 70.0, "total_of": "the card", "rails_w": {}}
    assert (body["temperatures_c"], body["clocks_mhz"]) == ({"GPU": 55.0}, {"GPU": 1980.0, "GPU_MEM": 2619.0})
    assert (body["mode"], body["throttling"]) == ("P2", ["GPU: heat, by hardware"]), "to be idle is no throttling"


def test_two_cards_are_added_up(tmp_path: Path, nvidia: FakeNvidia) -> None:
    nvidia.show(cards=2)
    assert once(tmp_path, nvidia.environment)["power"] == {
        "total_w": 210.0,
        "total_of": "all cards",
        "rails_w": {"GPU": 70.0, "GPU1": 140.0},
    }


@pytest.mark.parametrize(
    ("figures", "why"),
    [({"cards": 0}, "the driver knows of no card"), ({"error": NOT_SUPPORTED}, "Not Supported"), ({"error": 9}, "nvml: ")],
)
def test_without_a_card_that_knows_its_power_there_is_no_source(
    tmp_path: Path, nvidia: FakeNvidia, figures: dict[str, int], why: str
) -> None:
    nvidia.show(**figures)
    body = once(tmp_path, nvidia.environment)
    assert (body["measured_by"], body["state"]) == ("none", "none")
    assert "power" not in body
    assert why in body["trouble"]
    assert body["cpu_percent"] is not None


def test_a_card_that_is_lost_is_away_and_comes_back(tmp_path: Path, nvidia: FakeNvidia) -> None:
    with LoggingProcess(tmp_path, NOBODY, nvidia.environment) as logger:
        logger.await_row(lambda row: row["total_w"] == "70.000")
        nvidia.show(error=GPU_IS_LOST)
        away = logger.await_row(lambda row: row["state"] == "away")
        assert (away["total_w"], away["temperature_GPU_c"]) == ("", "")
        n_rows = len(logger.rows())
        nvidia.show(milliwatts=90000)
        back = logger.await_row(lambda row: row["total_w"] == "90.000", after=n_rows)
        assert back["state"] == "measured"
        assert logger.stop() == 0
    assert "nvml: the NVIDIA driver: GPU is lost; I keep trying, and count no energy meanwhile" in logger.said()
