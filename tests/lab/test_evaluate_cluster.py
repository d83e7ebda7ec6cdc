"""Folds and seeds on the workers of a scheduler: the results of this machine's own workers, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.lab import evaluate as lab
from models.lab import splits
from models.lab.errors import LabError
from models.lab.results import Result
from tests.fixtures import dask_processes
from tests.lab import tiny


@pytest.mark.timeout(1200)
def test_a_scheduler_s_workers_find_what_a_pool_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_corpus(tmp_path / "corpora")
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    recipe = replace(tiny.RECIPE, epochs=2)

    def found(name: str, scheduler: str | None) -> list[Result]:
        folder, checkpoints = tmp_path / name / "results", tmp_path / name / "build"
        each = lab.evaluate(recipe, splits.SPEAKER_INDEPENDENT, [0], 1, folder, checkpoints, scheduler)
        assert len(list(folder.rglob("*.json"))) == len(each)
        assert not list(checkpoints.rglob("*.pt")), "a checkpoint is left behind"
        return [replace(result, seconds=0.0) for result in each]

    with dask_processes.scheduler() as address:
        elsewhere = dask_processes.worker(address, "import os; os.environ['AFFECTD_CORPORA'] = '/no'")
        says = r"worker tcp://127\.0\.0\.1:\d+: TINY: no folder /no/TINY; set AFFECTD_CORPORA"
        with elsewhere, pytest.raises(LabError, match=says):
            found("without", address)
        with dask_processes.worker(address):
            far = found("far", address)
    assert [result.fold for result in far] == list(tiny.SPEAKERS)
    assert far == found("near", None)
    # all is at hand: nobody is asked
    assert far == found("far", "tcp://127.0.0.1:1")
