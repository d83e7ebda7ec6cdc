"""The page's unit: systemd finds nothing wrong with it, and little that it could do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "affectd-dashboard.service"
MOST_EXPOSED = 20
"""In tenths: 2.0 of 10."""


def test_it_is_exposed_to_little() -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Overall exposure level" in done.stdout


def test_systemd_warns_of_nothing(tmp_path: Path) -> None:
    """With a program and a document that are there: those of an installation are not."""
    text = UNIT.read_text().replace("/opt/affectd/current/bin/affectd", sys.executable)
    unit = tmp_path / UNIT.name
    unit.write_text("\n".join(line for line in text.splitlines() if not line.startswith("Documentation=")) + "\n")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "affectd-dashboard" in line]
    assert done.returncode == 0, done.stderr
    assert ours == []


@pytest.mark.parametrize("key", ["ProtectProc", "ProcSubset", "LoadCredential", "ProtectSystem=full"])
def test_it_has_nothing_that_systemd_245_does_not_know(key: str) -> None:
    assert not any(line.startswith(key) for line in UNIT.read_text().splitlines())
