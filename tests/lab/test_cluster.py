"""Work dealt by Dask: whom it asks, whom it refuses, that it loses nothing, and that nobody else may ask."""

from __future__ import annotations

import logging
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Iterator

import dask
import psutil
import pytest
from distributed import Client, KilledWorker, LocalCluster
from distributed.security import Security

from models.lab import cluster
from models.lab.archive.judge import made_of
from models.lab.errors import LabError
from tests.fixtures import dask_processes

pytestmark = pytest.mark.timeout(1200)  # processes that take long to start where others have the cores


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    monkeypatch.setattr(cluster, "WORKERS_S", 0.3)
    monkeypatch.setattr(cluster, "TICK_S", 0.2)


@pytest.fixture(scope="module")
def before() -> set[tuple[str, int]]:
    """Where this process listens without a cluster."""
    return listening(os.getpid())


@pytest.fixture(scope="module")
def two(before: set[tuple[str, int]]) -> Iterator[Client]:
    """Two workers, which may be killed: others come."""
    with cluster.local(2) as client:
        yield client


def near(n_workers: int, n_threads: int = 1, protocol: str = "tcp://") -> LocalCluster:
    """A scheduler and workers in this process, which answer at an address."""
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=n_threads,
        processes=False,
        protocol=protocol,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


def refusal(address: str) -> str:
    with pytest.raises(LabError) as trouble, cluster.of_scheduler(address):
        pass
    assert "\n" not in str(trouble.value)
    return str(trouble.value)


def doubled(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def deadly(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wrong(number: int) -> int:
    raise LabError(f"number {number} will not do")


def out_now(number: int) -> int:
    return number


def test_a_cluster_of_this_machine_listens_on_loopback_alone_and_to_nobody_without_its_key(
    before: set[tuple[str, int]], two: Client
) -> None:
    addresses = listening(os.getpid(), *two.run(os.getpid).values()) - before
    assert {ip for ip, _ in addresses} == {"127.0.0.1"}
    # the scheduler, and a nanny and a worker for each of the two: no page for a browser
    workers = two.scheduler_info(n_workers=-1)["workers"]
    assert two.scheduler is not None
    ours = [str(two.scheduler.address), *workers, *(worker["nanny"] for worker in workers.values())]
    assert {port for _, port in addresses} == {int(address.rsplit(":", 1)[1]) for address in ours}
    for address in ours:
        assert "no Dask scheduler answers there" in refusal(address.replace("tls://", "tcp://"))
        assert "no Dask scheduler answers there" in refusal(address), "without the key"


def listening(*pids: int) -> set[tuple[str, int]]:
    connections = (each for pid in pids for each in psutil.Process(pid).net_connections("inet"))
    return {(each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN}


def test_no_more_is_out_than_is_needed(two: Client) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(30):
            taken += 1
            yield number

    most_out = 0
    for n_back, _ in enumerate(cluster.in_window(two, out_now, items())):
        most_out = max(most_out, taken - n_back)
    assert taken == 30
    assert most_out <= 2 * cluster.AHEAD


def test_what_goes_wrong_in_a_worker_is_raised_here(two: Client) -> None:
    with pytest.raises(LabError, match="number 0 will not do"):
        list(cluster.in_window(two, wrong, [0]))


def test_every_item_comes_back_once_though_a_worker_is_killed(two: Client) -> None:
    found: list[int] = []
    pids: set[int] = set()
    for number, made in cluster.in_window(two, doubled, range(60)):
        assert not isinstance(made, KilledWorker)
        assert made[0] == 2 * number
        pids.add(made[1])
        if not found:
            os.kill(made[1], signal.SIGKILL)
        found.append(number)
    assert sorted(found) == list(range(60))
    assert len(pids) >= 2


def test_an_item_that_kills_whoever_has_it_is_found_and_the_others_are_not_lost(two: Client) -> None:
    two.run_on_scheduler(_give_up_at_once)  # and not after four workers: a test has no time
    found = dict(cluster.in_window(two, deadly, range(6), n_out=1))
    assert isinstance(found.pop(3), KilledWorker)
    assert found == {0: 0, 1: 1, 2: 2, 4: 4, 5: 5}


def _give_up_at_once(dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = 0


@pytest.mark.parametrize("address", ["", "8786", "127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp:/x:1"])
def test_what_is_no_address_is_one_line(address: str) -> None:
    assert refusal(address) == (f"scheduler {address!r}: want its address, tcp://HOST:PORT or tls://HOST:PORT, as it prints it")


@pytest.mark.usefixtures("hurried")
def test_a_scheduler_that_is_not_there_is_one_line() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        assert refusal(address).startswith(f"scheduler {address}: no Dask scheduler answers there within 0.3 s (Timed out")


@pytest.mark.usefixtures("hurried")
def test_who_takes_a_connection_and_says_nothing_is_no_scheduler() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "no Dask scheduler answers there" in refusal(f"tcp://127.0.0.1:{silent.getsockname()[1]}")


def test_a_scheduler_without_workers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_S", 0.3)
    with near(0) as empty:
        address = empty.scheduler_address
        assert refusal(address) == (
            f"scheduler {address}: no worker came within 0.3 s: start one with `dask worker {address} --nthreads 1`"
        )


def test_a_worker_is_no_scheduler_and_one_with_two_threads_is_refused() -> None:
    with near(1, n_threads=2) as broad:
        (worker,) = broad.workers.values()
        assert "what answers there is a Worker: name the scheduler's own address" in refusal(worker.address)
        said = refusal(broad.scheduler_address)
        assert said == f"worker {worker.address} has 2 threads: start it with `--nthreads 1 --nworkers 2`"


def test_a_scheduler_that_is_lost_half_way_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TICK_S", 0.2)
    with dask_processes.scheduler() as address, dask_processes.worker(address), ExitStack() as stack:
        client = stack.enter_context(cluster.of_scheduler(address))
        assert client.scheduler is not None
        pid = client.run_on_scheduler(os.getpid)
        with pytest.raises(LabError, match=rf"scheduler {address} is gone: the same command goes on"):
            _kill_at_the_first(client, pid)


def _kill_at_the_first(client: Client, pid: int) -> None:
    for n_back, _ in enumerate(cluster.in_window(client, doubled, range(10**6))):
        if n_back == 0:
            os.kill(pid, signal.SIGKILL)


def test_workers_that_all_leave_and_do_not_come_back_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TICK_S", "CREW_S", "LONELY_S", "GATHER_S"):
        monkeypatch.setattr(cluster, name, 0.2)
    with near(1) as leaving, cluster.of_scheduler(leaving.scheduler_address) as client:
        left = cluster.in_window(client, out_now, range(10**6))
        next(left)
        leaving.scale(0)
        with pytest.raises(LabError, match=r"no worker is there any more, and none came for 0 s: the same command goes on"):
            list(left)


def test_tls_is_set_where_dask_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_S", 60.0)
    made = Security.temporary()
    for name, content in (("key.pem", made.tls_client_key), ("cert.pem", made.tls_client_cert)):
        (tmp_path / name).write_text(content)
    tls = {"distributed.comm.tls.ca-file": str(tmp_path / "cert.pem")}
    for side in ("client", "scheduler", "worker"):
        tls[f"distributed.comm.tls.{side}.key"] = str(tmp_path / "key.pem")
        tls[f"distributed.comm.tls.{side}.cert"] = str(tmp_path / "cert.pem")
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(tls))
        guarded = stack.enter_context(near(1, protocol="tls://"))
        client = stack.enter_context(cluster.of_scheduler(guarded.scheduler_address))
        assert [made for _, made in cluster.in_window(client, out_now, [7])] == [7]
    assert "no Dask scheduler answers there" in refusal("tls://127.0.0.1:1"), "without certificates"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with dask_processes.scheduler() as address:
        yield address


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("sys.modules['models'] = None", "cannot load affectd (ModuleNotFoundError("),
        (
            "from models import registry; from pathlib import Path; registry.load.__defaults__ = (Path('/nowhere'),)",
            "unknown model 'affectnet': known are none",
        ),
        ("import models.lab.likeness as it; it.PACKAGES = ('dsp',)", "affectd's sources is "),
    ],
)
def test_a_worker_without_affectd_its_model_or_our_version_is_one_line(before: str, says: str, scheduler: str) -> None:
    with dask_processes.worker(scheduler, before), cluster.of_scheduler(scheduler) as client:
        with pytest.raises(LabError) as trouble:
            cluster.require_same(client, made_of, "affectnet")
        (worker,) = client.nthreads()
    assert says in str(trouble.value)
    assert "\n" not in str(trouble.value)
    assert worker in str(trouble.value)


def test_workers_that_are_the_same_are_taken(scheduler: str) -> None:
    with dask_processes.worker(scheduler), cluster.of_scheduler(scheduler) as client:
        assert cluster.require_same(client, made_of, "affectnet") == made_of("affectnet")
