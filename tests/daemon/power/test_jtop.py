"""jtop, the real service over a made-up board: what it measures comes through, and it may die and come back.

Its stalls, its restarts and the energy of a known trace are in tests/faults/test_jtop.py.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from daemon.power.jtop_source import unreachable
from tests.daemon.contract import faults
from tests.daemon.power.logging_process import ROOT, LoggingProcess
from tests.fixtures.fake_jetson import FakeJetson

NOBODY = 9
"""A port where there is no broker."""


@pytest.fixture
def jetson() -> Iterator[FakeJetson]:
    with FakeJetson() as board:
        yield board


def test_what_the_board_measures_and_a_service_that_dies_and_comes_back(tmp_path: Path, jetson: FakeJetson) -> None:
    jetson.draw(6.2)
    with LoggingProcess(tmp_path, NOBODY, interval_s=0.2) as logger:
        row = logger.await_row(lambda row: row["state"] == "measured")
        assert (row["measured_by"], row["total_of"], float(row["total_w"])) == ("jtop", "VDD_IN", 6.2)
        assert (float(row["rail_VDD_CPU_GPU_CV_w"]), float(row["rail_VDD_SOC_w"])) == (2.0, 1.0)
        assert (float(row["temperature_CPU_c"]), float(row["clock_CPU_mhz"])) == (41.5, 1420.8)
        assert (float(row["clock_GPU_mhz"]), float(row["clock_EMC_mhz"])) == (114.8, 1600.0)
        assert (row["mode"], row["throttling"]) == ("MODE_15W_6CORE", "")
        jetson.heat(CPU=88.0, GPU=87.0, AUX=80.0)
        jetson.allow(1190400)
        row = logger.await_row(lambda row: row["throttling"] == "CPU held to 1190 of 1421 MHz")
        logger.await_row(lambda row: row["temperature_CPU_c"] == "88.0")
        jetson.kill()
        away = logger.await_row(lambda row: row["state"] == "away")
        assert (away["measured_by"], away["total_w"], away["mode"], away["temperature_CPU_c"]) == ("jtop", "", "", "")
        n_rows = len(logger.rows())
        jetson.draw(9.0)
        jetson.start()
        row = logger.await_row(lambda row: row["state"] == "measured", after=n_rows)
        assert float(row["total_w"]) == 9.0
        assert logger.stop() == 0
    assert "jtop.service is not running" in logger.said()
    assert "Traceback" not in logger.said()


def test_once(tmp_path: Path, jetson: FakeJetson) -> None:
    config = tmp_path / "affectd.toml"
    config.write_text("[power]\ninterval_s = 0.5\n")
    command = [sys.executable, "-m", "daemon", "power-log", "--config", str(config), "--once"]
    body = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    assert faults("power", body) == []
    assert body["power"] == {"total_w": 5.0, "total_of": "VDD_IN", "rails_w": {"VDD_CPU_GPU_CV": 2.0, "VDD_SOC": 1.0}}


def test_a_socket_that_is_not_there_refuses_or_may_not_be_used_is_told_apart(tmp_path: Path) -> None:
    assert "jtop.service is not running" in unreachable(str(tmp_path / "nothing"))
    place = tmp_path / "jtop.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        assert "jtop.service is not running" in unreachable(str(place)), "it does not listen"
        listener.listen()
        assert unreachable(str(place)) == ""
        if os.getuid() == 0:
            # root may use every socket
            code = "import os, sys; from daemon.power.jtop_source import unreachable; os.setgid(65534); os.setuid(65534); "
            code += "print(unreachable(sys.argv[1]))"
            done = subprocess.run(
                [sys.executable, "-c", code, str(place)], cwd=ROOT, capture_output=True, text=True, check=True
            )
            assert "sudo usermod -aG jtop" in done.stdout
