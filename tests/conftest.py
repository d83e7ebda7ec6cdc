"""What every test needs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import settings

# how long an example takes is the machine's affair: the first compiles kernels, and another program may have the cores
settings.register_profile("affectd", deadline=None)
settings.load_profile("affectd")


@pytest.fixture(scope="session", autouse=True)
def _states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test's service keeps anything in the folder of who runs the tests."""
    base = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("STATE_DIRECTORY", raising=False)
        patch.setenv("XDG_STATE_HOME", str(base))
        yield base


@pytest.fixture(autouse=True)
def _own_state(_states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a test find what another has kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(_states / str(sum(1 for _ in _states.iterdir()))))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of a megabyte."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)
