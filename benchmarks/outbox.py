"""What the outbox costs: commits and deliveries a second, bytes written an event, and memory while many wait."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawing import OTHER, OURS, pyplot
from benchmarks.drawing import told as said
from benchmarks.lines import columns
from benchmarks.process import look
from benchmarks.spread import NAMES, row, spread
from daemon.clock import SystemClock
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings

Times = NDArray[np.float64]
"""Milliseconds, (n,)."""

OPTIONS: dict[str, dict[str, Any]] = {
    "folder": {"type": Path, "metavar": "DIR", "help": "outbox: where its files lie; default: where Python has temporary ones"}
}
NODE, SEAT = "bench", "driver"
SINGLY_AIM, BATCHED_AIM = 2_000, 20_000
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "calm")
BURST = 10_000
EVENTS_AN_HOUR = 3600
PATIENCE_S = 600.0
MEMORY = Path("/dev/shm")
SYNC, SINGLY = "4 kB to the disk, without an outbox", "an event to the disk, and then the next"
ACKNOWLEDGED = "an event to the broker's acknowledgement"


def measure(short: bool, plot: Path | None, folder: Path | None) -> dict[str, Any]:
    """In a new folder within `folder`, which is removed in the end."""
    where = Path(tempfile.mkdtemp(prefix="affectd-outbox-", dir=folder))
    try:
        figures = _measured(where, 20 if short else 1)
    finally:
        shutil.rmtree(where)
    if plot is not None:
        _draw(plot, figures)
    return figures


def _measured(where: Path, divisor: int) -> dict[str, Any]:
    n_singly, n_batched, n_waiting = 2_000 // divisor, 100_000 // divisor, 100_000 // divisor
    singly_ms, batched = _singly(where / "singly", n_singly), _batched(where / "batched", n_batched)
    in_memory_ms, sync_ms = _without_disk(n_singly), _syncs(where / "sync", n_singly)
    delivered = _delivered(where / "delivered", 20_000 // divisor, 200 // divisor)
    n_hour = EVENTS_AN_HOUR // divisor
    written, n_seconds = _written(where / "hour", n_hour, 0.0), 40 if divisor == 1 else 2
    in_time = _written(where / "minutes", n_seconds, 1.0)
    few_mb, many_mb, read_mb = _memory(where / "waiting", n_waiting)
    singly, in_memory, syncs = (1e3 / float(np.mean(each)) for each in (singly_ms, in_memory_ms, sync_ms))
    return {
        "event_bytes": _event_bytes(),
        "fdatasync_a_second": round(syncs),
        "commits_a_second_singly": round(singly),
        "commits_a_second_singly_in_memory": round(in_memory),
        "commits_a_second_batched": round(batched),
        "deliveries_a_second": round(delivered.a_second),
        "ms": {
            SYNC: spread(sync_ms),
            SINGLY: spread(singly_ms),
            "the same in a file system in memory": spread(in_memory_ms),
            ACKNOWLEDGED: spread(delivered.acknowledged_ms),
        },
        "linger_ms": OutboxSettings().linger_ms,
        "aims": ", ".join(
            f"{name} {aim}: {'yes' if figure >= aim else 'MISSED'}"
            for name, figure, aim in (
                ("singly", singly, SINGLY_AIM),
                ("singly, in memory", in_memory, SINGLY_AIM),
                ("batched", batched, BATCHED_AIM),
            )
        ),
        "written_bytes_an_event": round(written / n_hour),
        "written_bytes_an_event_in_real_time": round(in_time / n_seconds),
        "written_mb_an_hour": round(written / n_hour * EVENTS_AN_HOUR / 1e6, 1),
        "written_mb_an_hour_in_real_time": round(in_time / n_seconds * EVENTS_AN_HOUR / 1e6, 1),
        "waiting": n_waiting,
        "memory_mb_a_tenth_waiting": round(few_mb, 1),
        "memory_mb_all_waiting": round(many_mb, 1),
        "memory_mb_all_read": round(read_mb, 1),
    }


class Delivered(NamedTuple):
    """To a broker: of many that wait on disk; and one after the other, from the commit to the acknowledgement."""

    a_second: float
    acknowledged_ms: Times


def _singly(folder: Path, n_events: int) -> Times:
    """Milliseconds of each, which is durable before the next is committed; delivered at once."""
    with _opened(folder) as outbox:
        return _one_by_one(outbox, n_events)


def _without_disk(n_events: int) -> Times:
    """As `_singly`, in a file system that lies in memory: the work that is ours."""
    with tempfile.TemporaryDirectory(prefix="affectd-outbox-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return _singly(Path(folder), n_events)


def _batched(folder: Path, n_events: int) -> float:
    """As fast as they can be committed, waiting for the disk after each burst; all durable in the end."""
    with _opened(folder) as outbox:
        begun_s = time.perf_counter()
        _all_at_once(outbox, n_events)
        return n_events / (time.perf_counter() - begun_s)


def _written(folder: Path, n_events: int, seconds: float) -> int:
    """Bytes that went towards the disk for so many events, an event each so many seconds: /proc/self/io, whole pages.

    In no time the log is written over as often as in an hour; in real time the kernel has time to write what nobody waits for.
    """
    with _opened(folder) as outbox:
        _one_by_one(outbox, 100)
        begun = _write_bytes()
        _one_by_one(outbox, n_events, seconds)
        return _write_bytes() - begun


def _memory(folder: Path, n_events: int) -> tuple[float, float, float]:
    """MB of this process with a tenth waiting, with all, and after all were read, twenty at a time."""
    with _opened(folder) as outbox:
        _all_at_once(outbox, n_events // 10)
        few_mb = _memory_mb()
        for _ in range(9):
            _all_at_once(outbox, n_events // 10)
        many_mb, seq = _memory_mb(), 0
        while True:
            letters = outbox.after(seq, 20)
            if not letters:
                return few_mb, many_mb, _memory_mb()
            seq = letters[-1].seq


def _syncs(path: Path, n_syncs: int) -> Times:
    """Milliseconds until the disk says that 4 kB are written, over what is there: no outbox is faster one by one."""
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(file, bytes(4096), 0)
        os.fsync(file)
        took_ms = np.zeros(n_syncs)
        for number in range(n_syncs):
            began_s = time.perf_counter()
            os.pwrite(file, number.to_bytes(4, "big") * 1024, 0)
            os.fdatasync(file)
            took_ms[number] = (time.perf_counter() - began_s) * 1e3
        return took_ms
    finally:
        os.close(file)


def _delivered(folder: Path, n_waiting: int, n_singly: int) -> Delivered:
    """By the service's delivery to a mosquitto, as shipped; first all that wait, then one after the other."""
    with _opened(folder) as outbox, PrivateBroker(0, "max_queued_messages 0") as broker:
        _all_at_once(outbox, n_waiting)
        empty = threading.Event()
        outbox.on_delivered = lambda _seqs: empty.set() if len(outbox) == 0 else None
        delivery = MqttDelivery(BrokerSettings(port=broker.port), NODE, outbox, SystemClock().at)
        began_s = time.perf_counter()
        delivery.start()
        try:
            assert _emptied(outbox, empty), "the broker does not take them"
            a_second = n_waiting / (time.perf_counter() - began_s)
            took_ms = np.zeros(n_singly)
            for number, event in enumerate(_events(n_singly)):
                empty.clear()
                began_s = time.perf_counter()
                outbox.commit(event)
                assert _emptied(outbox, empty), "the broker does not take it"
                took_ms[number] = (time.perf_counter() - began_s) * 1e3
        finally:
            delivery.stop(1.0)
        return Delivered(a_second, took_ms)


def _emptied(outbox: Outbox, empty: threading.Event) -> bool:
    """Once the broker has all. What is told when may come before the outbox has counted it, so that is looked at, too."""
    until_s = time.monotonic() + PATIENCE_S
    while len(outbox):
        if time.monotonic() > until_s:
            return False
        empty.wait(0.001)
    return True


class _opened:
    """An outbox in a folder of its own. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._outbox = Outbox(folder / "outbox.sqlite", "b00t", OutboxSettings(max_mb=1000.0))

    def __enter__(self) -> Outbox:
        return self._outbox

    def __exit__(self, *_: object) -> None:
        self._outbox.close()


def _one_by_one(outbox: Outbox, n_events: int, seconds: float = 0.0) -> Times:
    begun_s, took_ms = time.monotonic(), np.zeros(n_events)
    for number, event in enumerate(_events(n_events)):
        time.sleep(max(0.0, begun_s + number * seconds - time.monotonic()))
        committed_s = time.perf_counter()
        seq = outbox.commit(event)
        assert outbox.flush(PATIENCE_S)
        took_ms[number] = (time.perf_counter() - committed_s) * 1e3
        outbox.delivered([seq])
    return took_ms


def _all_at_once(outbox: Outbox, n_events: int) -> None:
    for number, event in enumerate(_events(n_events), 1):
        outbox.commit(event)
        if number % BURST == 0:
            assert outbox.flush(PATIENCE_S)
    assert outbox.flush(PATIENCE_S)
    assert outbox.summary()["dropped"] == 0, "the writer does not keep up"


def _events(n_events: int) -> Iterator[Message]:
    for number in range(n_events):
        body = {
            "schema": "affectd/utterance/1",
            "node": NODE,
            "source": SEAT,
            "at": "2024-05-17T08:00:00.000Z",
            "model": {"name": "affectnet", "sha256": "0" * 64},
            "label": LABELS[number % len(LABELS)],
            "confidence": 0.5,
            "probabilities": dict.fromkeys(LABELS, 0.1111),
            "speech": {"start_s": number * 1.0, "end_s": number + 0.9, "duration_s": 0.9},
            "windows": 3,
            "clipped_share": 0.0,
            "latency_ms": {"front_end": 1.234, "inference": 2.345, "total": 3.456},
        }
        yield Message(f"{SEAT}/utterance", body)


def _event_bytes() -> int:
    outbox = Outbox(None, "b00t", OutboxSettings())
    outbox.commit(next(_events(1)))
    return len(outbox.after(0, 1)[0].payload)


def table(figures: dict[str, Any]) -> str:
    """What there is a name and a value of, and the times."""
    values = "\n".join(f"{name:40} {value}" for name, value in figures.items() if name != "ms")
    return f"{values}\n\n{columns(('ms', *NAMES), [row(name, each) for name, each in figures['ms'].items()])}"


def _draw(path: Path, figures: dict[str, Any]) -> None:
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(8, 2.9), layout="constrained")
    names = list(reversed(figures["ms"]))
    for y, name in enumerate(names):
        told = figures["ms"][name]
        axes.barh(y, told["p50"], color=OTHER if name == SYNC else OURS, height=0.6)
        axes.plot((told["p50"], told["p99"]), (y, y), color="black", linewidth=1.2, marker="|")
        axes.text(told["p99"], y, f"  {said(told['p50'])} / {said(told['p99'])} ms", va="center", fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.set_xlim(right=8 * max(told["p99"] for told in figures["ms"].values()))
    axes.set_xlabel("ms: p50 as a bar, a whisker to p99")
    title = f"One event; for the broker it waits until {figures['linger_ms']:g} ms after the write before"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _write_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _memory_mb() -> float:
    return look(os.getpid()).rss_mb
