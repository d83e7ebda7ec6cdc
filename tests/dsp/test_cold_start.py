"""Kernels kept on disk: beside the source, in a folder of one's own, or, where nothing can be written, not at all."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "dsp"

FIRST_FEATURES = """
import hashlib, json, sys
import numpy as np
from dsp.frontend import kernels_kept_in
from dsp.kernels import frames
from dsp.offline import feature_frames
from dsp.params import KINDS, FrontEndParams
samples = np.sin(np.arange(4000, dtype=np.float32))
values = feature_frames(samples, FrontEndParams(kinds=tuple(KINDS)))
print(json.dumps({
    "features": hashlib.sha256(values.tobytes()).hexdigest(),
    "loaded": sum(frames.extract.stats.cache_hits.values()),
    "kept_in": kernels_kept_in(),
    # SciPy is not ours to leave out: where it is installed, Numba looks at its version
    "heavy": sorted({"librosa", "torch", "matplotlib", "onnxruntime"} & set(sys.modules)),
}))
"""


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation, and a home, that can be read and no more."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(SOURCES, folder / "site" / "dsp", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "home").mkdir()
    for path in [folder / "home", folder / "site", *(folder / "site").rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return folder


def run(read_only: Path, **environment: str) -> dict[str, Any]:
    # root writes where it likes, unless that right is taken from it
    lowered = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    answer = subprocess.run(
        [*lowered, sys.executable, "-c", FIRST_FEATURES],
        env={**kept, "HOME": str(read_only / "home"), "PYTHONPATH": str(read_only / "site"), **environment},
        cwd=read_only,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


def test_under_a_read_only_installation_the_cache_folder_is_used(read_only: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(read_only, NUMBA_CACHE_DIR=str(cache))
    assert first["loaded"] == 0
    assert first["kept_in"].startswith(str(cache))
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert len(kept) >= 2
    second = run(read_only, NUMBA_CACHE_DIR=str(cache))
    assert second["loaded"] == 1
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == kept
    assert second["features"] == first["features"]


def test_where_nothing_can_be_written_the_features_are_the_same(read_only: Path, tmp_path: Path) -> None:
    nowhere = run(read_only)
    assert nowhere["kept_in"] is None
    assert nowhere["features"] == run(read_only, NUMBA_CACHE_DIR=str(tmp_path / "cache"))["features"]


def test_the_front_end_imports_nothing_heavy_but_numba(read_only: Path, tmp_path: Path) -> None:
    assert run(read_only, NUMBA_CACHE_DIR=str(tmp_path))["heavy"] == []
