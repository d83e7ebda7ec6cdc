"""The same result whoever does the work, of which nothing is lost when somebody is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Callable, Iterable, Iterator, Sequence

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import KilledWorker

from models.lab import __main__ as cli
from models.lab import cluster
from models.lab.archive import judge, listing
from models.lab.archive import score as under_test
from models.lab.archive.judge import Asked, Row, Task
from models.lab.archive.listing import listed
from models.lab.archive.progress import Progress
from models.lab.archive.score import Where, score
from tests.fixtures import dask_processes
from tests.fixtures.stream_model import FILE
from tests.lab.archive import clips

MODEL = str(FILE)
ROOT = Path(__file__).parents[3]
N_CLIPS = 12
pytestmark = pytest.mark.timeout(1200)  # processes that take long to start where others have the cores


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = clips.write(tmp_path_factory.mktemp("archive") / "clips", N_CLIPS)
    clips.add_bad(folder)
    return folder


@pytest.fixture(scope="module")
def alone(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """Judged in this process, without Dask."""
    out = tmp_path_factory.mktemp("alone") / "out.parquet"
    score(listed(archive), out, MODEL, Where())
    return pq.read_table(out)


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FILES_A_TASK", 2)


def less_time(table: pa.Table) -> pa.Table:
    return table.drop_columns(["milliseconds"])


def test_a_row_for_every_file_good_or_bad(archive: Path, alone: pa.Table) -> None:
    errors = {Path(path).name: error for path, error in zip(alone["path"].to_pylist(), alone["error"].to_pylist())}
    assert len(errors) == N_CLIPS + len(clips.BAD)
    assert {name for name, error in errors.items() if error} == set(clips.BAD)
    assert all("\n" not in error and str(archive) not in error for error in errors.values() if error)
    assert alone.schema.metadata is not None
    assert b'"model": "small_affectnet"' in alone.schema.metadata[b"affectd"]


def test_a_worker_that_is_killed_loses_nothing_and_two_find_what_one_process_finds(
    archive: Path, alone: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    add = Progress.add

    def kill_at_the_first(self: Progress, n_done: int, n_bad: int) -> None:
        add(self, n_done, n_bad)
        if not killed:
            killed.append(_a_worker())
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(Progress, "add", kill_at_the_first)
    done = score(listed(archive), tmp_path / "out.parquet", MODEL, Where(n_workers=2))
    assert (done.n_now, done.n_bad) == (N_CLIPS + len(clips.BAD), len(clips.BAD))
    assert killed
    assert less_time(pq.read_table(tmp_path / "out.parquet")).equals(less_time(alone), check_metadata=True)


def _a_worker() -> int:
    children = psutil.Process().children(recursive=True)
    return int(next(child.pid for child in children if "spawn_main" in " ".join(child.cmdline())))


def test_the_workers_of_a_scheduler_find_the_same(archive: Path, alone: pa.Table, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    # elsewhere, as a worker on another machine would be
    with dask_processes.scheduler() as address, dask_processes.worker(address, cwd=tmp_path):
        done = score(listed(archive), out, MODEL, Where(scheduler=address))
    assert done.n_now == N_CLIPS + len(clips.BAD)
    assert less_time(pq.read_table(out)).equals(less_time(alone), check_metadata=True)


KILLED_HALF_WAY = """
import sys, time
from pathlib import Path
from models.lab.archive import listing, parts
from models.lab.archive.listing import listed
from models.lab.archive.score import Where, score
parts.PART_S, listing.FILES_A_TASK = 0.0, 2
write = parts.Parts.write
def write_and_wait(self):
    write(self)
    if len(list(self.folder.glob("*.parquet"))) == 3:
        print("three parts", flush=True)
        time.sleep(1000.0)
parts.Parts.write = write_and_wait
if __name__ == "__main__":
    score(listed(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], Where(n_workers=1))
"""


def test_after_a_kill_only_what_is_missing_is_judged_and_the_workers_are_gone(
    archive: Path, alone: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half.py").write_text(KILLED_HALF_WAY)
    out = tmp_path / "out.parquet"
    command = [sys.executable, str(tmp_path / "half.py"), str(archive), str(out), MODEL]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "three parts\n"
        run.kill()
        # the pipe is the workers', too: it ends when they have, or this test by its own time limit
        assert run.stdout.read() == ""
    assert not out.exists()
    asked: list[int] = []

    def told(by: Asked, task: Task) -> Sequence[Row]:
        asked.extend(task.rows)
        return judge.judged(by, task)

    monkeypatch.setattr(under_test, "judged", told)
    done = score(listed(archive), out, MODEL, Where())
    assert done.n_now == len(asked) == N_CLIPS + len(clips.BAD) - 3 * 2
    assert less_time(pq.read_table(out)).equals(less_time(alone), check_metadata=True)
    assert score(listed(archive), out, MODEL, Where()).n_now == 0
    assert len(asked) == done.n_now


class _Window:
    """In place of Dask's: says of a recording what Dask says when several workers died at it."""

    def __init__(self, deadly: Path) -> None:
        self._deadly = os.fsencode(deadly)

    def __call__(
        self, _: None, work: Callable[[Task], list[Row]], tasks: Iterable[Task], tick: object, n_out: int | None = None
    ) -> Iterator[tuple[Task, list[Row] | KilledWorker]]:
        for task in tasks:
            dies = self._deadly in task.paths
            assert n_out == 1 or not dies or len(task.paths) == 2
            yield task, KilledWorker(*[None] * 3) if dies else work(task)  # type: ignore[arg-type]


def test_what_kills_every_worker_is_a_row_with_that_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "in_window", _Window(archive / "00003.wav"))
    monkeypatch.setattr(cluster, "workers", lambda *_: nullcontext())
    monkeypatch.setattr(cluster, "require_same", lambda *_: {})
    score(listed(archive), archive.parent / "killed.parquet", MODEL, Where(n_workers=1))
    table = pq.read_table(archive.parent / "killed.parquet")
    errors = dict(zip(table["path"].to_pylist(), table["error"].to_pylist()))
    assert errors.pop(str(archive / "00003.wav")) == under_test.KILLED
    assert sum(error is not None for error in errors.values()) == len(clips.BAD)


def test_the_command(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [archive / "00001.wav", archive / "00002.wav", archive / "00001.wav", archive / "nowhere.wav"]
    (tmp_path / "list.txt").write_text("".join(f"{name}\n" for name in names))
    command = ["score", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out.parquet"), "--workers", "0"]
    assert cli.main([*command, "--model", MODEL]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{tmp_path}/out.parquet: 3 recordings; 1 could not be judged, the column error says why; ")
    assert said.err.splitlines()[0] == "affectd-lab: 1 lines name a recording again: it is judged once"
    assert said.err.splitlines()[-1].startswith("score: ████████████████████ 3 of 3, 1 bad, ")
    assert cli.main([*command, "--model", MODEL]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/out.parquet: 3 recordings, all judged before\n"
    assert cli.main(command) == 2
    said = capsys.readouterr()
    assert "belongs to something else (model is small_affectnet there and affectnet here)" in said.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--model", "affectnot"], "unknown model 'affectnot'"),
        (["--model", "mine.onnx"], "no such file"),
        (["--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], "--workers and --scheduler: want one of them"),
        (["--scheduler", "127.0.0.1:1"], "want its address, tcp://HOST:PORT or tls://HOST:PORT"),
    ],
)
def test_trouble_is_one_line_and_leaves_no_result(
    more: list[str], says: str, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", str(archive), "--out", str(tmp_path / "out.parquet"), *more]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("affectd-lab: ")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert not (tmp_path / "out.parquet").exists()
