"""Work dealt to processes by Dask: to some of this machine, or to those of a scheduler wherever they are."""

from __future__ import annotations

import asyncio
import logging
import queue
import re
import time
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Callable, Iterable, Iterator, Mapping, TypeVar

import dask
from distributed import Client, Future, KilledWorker, Nanny, Scheduler, SpecCluster, Worker
from distributed.comm.core import connect
from distributed.core import send_recv
from distributed.security import Security

from models.lab.errors import LabError
from models.lab.likeness import require_equal

Given = TypeVar("Given")
Made = TypeVar("Made")

LOOPBACK = "127.0.0.1"
CONNECT_S = 5.0
WORKERS_S = 30.0
"""For the first worker of a scheduler that has only just been started."""
GATHER_S = 30.0
TICK_S = 1.0
CREW_S = 5.0
LONELY_S = 120.0
AHEAD = 3
"""Tasks a worker that are given out and not yet brought back: one is worked on, and the others are at hand."""

_QUIET = {
    # a look at each worker's stack, a hundred times a second, and the like, for pages that nobody has open here
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
}


class _UnwatchedScheduler(Scheduler):
    """Opens no port for browsers."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Nothing."""


class _UnwatchedWorker(Worker):
    """Opens no port for browsers."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Nothing."""


def workers(n_workers: int, scheduler: str | None) -> AbstractContextManager[Client]:
    """Those of the scheduler, if there is one, and else so many of this machine."""
    return local(n_workers) if scheduler is None else of_scheduler(scheduler)


@contextmanager
def local(n_workers: int) -> Iterator[Client]:
    """Processes of this machine with one thread each, which end with the context.

    They listen on the loopback address alone, and answer nobody without the key that is made here and never written down:
    whoever may speak to a worker may have it run anything.
    """
    security = Security.temporary()
    common = {"host": LOOPBACK, "protocol": "tls://", "security": security}
    worker = {**common, "worker_class": _UnwatchedWorker, "nthreads": 1, "silence_logs": logging.CRITICAL}
    with dask.config.set(_QUIET), _without_a_word():
        cluster = SpecCluster(
            scheduler={"cls": _UnwatchedScheduler, "options": {**common, "dashboard": False}},
            workers={k: {"cls": Nanny, "options": worker} for k in range(n_workers)},
            security=security,
            silence_logs=logging.CRITICAL,
        )
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def of_scheduler(address: str) -> Iterator[Client]:
    """The workers of a scheduler. Raises LabError when nobody answers there, when it has none, or when one has more threads.

    TLS, for an address that begins with tls://, is set where Dask looks for it: DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT...
    """
    if not re.fullmatch(r"(tcp|tls)://.+:\d+", address):
        raise LabError(f"scheduler {address!r}: want its address, tcp://HOST:PORT or tls://HOST:PORT, as it prints it")
    with dask.config.set(_QUIET), _without_a_word():
        try:
            # the first word of what answers is waited for without end by Dask itself
            kind = asyncio.run(asyncio.wait_for(_kind(address), CONNECT_S + TICK_S))
        except (OSError, ValueError, TypeError, asyncio.TimeoutError) as trouble:
            raise LabError(
                f"scheduler {address}: no Dask scheduler answers there within {CONNECT_S:g} s ({_first_line(trouble)}): "
                "start one with `dask scheduler`, and name the address that it prints"
            ) from trouble
        if kind != "Scheduler":
            raise LabError(f"scheduler {address}: what answers there is a {kind}: name the scheduler's own address")
        with Client(address, timeout=CONNECT_S, set_as_default=False) as client:
            _require_workers(client, address)
            yield client


async def _kind(address: str) -> str:
    """Of the server there. Asked before a client is made: one that finds nobody ends noisily, and late."""
    comm = await connect(address, timeout=CONNECT_S, **Security().get_connection_args("client"))
    try:
        identity = await asyncio.wait_for(send_recv(comm, op="identity", reply=True), CONNECT_S)
        return str(identity["type"])
    finally:
        comm.abort()


def _require_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except (TimeoutError, asyncio.TimeoutError) as trouble:
        raise LabError(
            f"scheduler {address}: no worker came within {WORKERS_S:g} s: start one with `dask worker {address} --nthreads 1`"
        ) from trouble
    for worker, n_threads in client.nthreads().items():
        if n_threads != 1:
            raise LabError(f"worker {worker} has {n_threads} threads: start it with `--nthreads 1 --nworkers {n_threads}`")


def require_same(client: Client, made_of: Callable[..., Mapping[str, str]], *arguments: Any) -> dict[str, str]:
    """What `made_of` gives here, when it gives that on every worker, too. Raises LabError that names the first that differs."""
    here = dict(made_of(*arguments))
    for worker, found in client.run(made_of, *arguments, on_error="return").items():
        if isinstance(found, LabError):
            raise LabError(f"worker {worker}: {found}")
        if isinstance(found, Exception):
            raise LabError(f"worker {worker} cannot load affectd ({_first_line(found)}): install the same affectd[lab] there")
        require_equal(found, here, f"worker {worker}")
    return here


def in_window(
    client: Client,
    work: Callable[[Given], Made],
    items: Iterable[Given],
    tick: Callable[[], None] = lambda: None,
    n_out: int | None = None,
) -> Iterator[tuple[Given, Made | KilledWorker]]:
    """Each item with what `work` made of it, as they are done: no more of them are given out at a time than workers need.

    What a worker had that died is given to another. KilledWorker is given back for an item that several had when they died,
    be it that or one that they had beside it: with `n_out` 1, which is how many are given out, it is that. `tick` is called
    every second or so. Raises what `work` raised, and LabError when the scheduler is lost.
    """
    waiting: dict[Future[Any], Given] = {}
    done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    left = iter(items)
    crew = _Crew(client)
    try:
        while True:
            with _told_when_lost(client):
                for _, item in zip(range((n_out or AHEAD * crew.size()) - len(waiting)), left):
                    future = client.submit(work, item, pure=False)
                    waiting[future] = item
                    future.add_done_callback(done.put)
            if not waiting:
                return
            future = _next(done, crew, tick)
            with _told_when_lost(client):
                trouble = _trouble(future)
            if trouble is not None and not isinstance(trouble, (KilledWorker, asyncio.CancelledError)):
                raise trouble
            with _told_when_lost(client):
                made = _result(future)
            if made is None:
                future.add_done_callback(done.put)
            else:
                yield waiting.pop(future), made
    finally:
        if waiting and client.status == "running":
            client.cancel(list(waiting), force=True)


def _next(done: queue.SimpleQueue[Future[Any]], crew: _Crew, tick: Callable[[], None]) -> Future[Any]:
    while True:
        try:
            return done.get(timeout=TICK_S)
        except queue.Empty:
            tick()
            with _told_when_lost(crew.client):
                crew.size()


def _trouble(future: Future[Any]) -> BaseException | None:
    """None, too, when whoever had it died since: it is pending again, perhaps for ever."""
    try:
        return future.exception(timeout=GATHER_S) if future.done() else None
    except (TimeoutError, asyncio.TimeoutError):
        return None


def _result(future: Future[Any]) -> Any:
    """None when whoever made it died since: it is made again."""
    if not future.done():
        return None
    try:
        return future.result(timeout=GATHER_S)
    except KilledWorker as trouble:
        return trouble
    except (TimeoutError, asyncio.TimeoutError):
        return None


class _Crew:
    """The workers that are there. They come and go; to ask for them is a message there and back, so it is done now and then."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._n_workers = 1
        self._asked_s = -CREW_S
        self._seen_s = time.monotonic()

    def size(self) -> int:
        """At least 1: who has none just now waits for one. Raises LabError when there has been none for long."""
        now_s = time.monotonic()
        if self.client.status != "running":
            raise _lost(self.client)
        if now_s - self._asked_s < CREW_S:
            return self._n_workers
        self._asked_s = now_s
        there = len(self.client.nthreads())
        if there:
            self._seen_s = now_s
        elif now_s - self._seen_s >= LONELY_S:
            raise LabError(f"no worker is there any more, and none came for {LONELY_S:.0f} s: the same command goes on")
        if isinstance(self.client.cluster, SpecCluster):
            # a nanny lets go of a worker that dies in the moment of its birth: another nanny is put in its place
            self.client.cluster.scale(len(self.client.cluster.worker_spec))
        self._n_workers = max(1, there)
        return self._n_workers


@contextmanager
def _told_when_lost(client: Client) -> Iterator[None]:
    """Without a scheduler, whatever is asked of it fails in its own way."""
    try:
        yield
    except (OSError, asyncio.CancelledError) as trouble:
        raise _lost(client) from trouble


def _lost(client: Client) -> LabError:
    return LabError(f"scheduler {client.scheduler.address if client.scheduler else ''} is gone: the same command goes on")


@contextmanager
def _without_a_word() -> Iterator[None]:
    """What Dask would say of connections and workers on stderr is said by us, in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before):
            logger.setLevel(level)


def _first_line(trouble: BaseException) -> str:
    return (str(trouble) or type(trouble).__name__).strip().splitlines()[0].rstrip(".")
