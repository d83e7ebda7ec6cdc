"""What the outbox costs: commits a second, one by one and together, bytes written an hour, and memory while many wait."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator

from daemon.delivery.outbox import Outbox
from daemon.events import Message
from daemon.settings import OutboxSettings

OPTIONS: dict[str, dict[str, Any]] = {
    "folder": {"type": Path, "metavar": "DIR", "help": "outbox: where its files lie; default: where Python has temporary ones"}
}
NODE, SEAT = "bench", "driver"
SINGLY_AIM, BATCHED_AIM = 2_000, 20_000
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "calm")
BURST = 10_000
EVENTS_AN_HOUR = 3600
PAGE_BYTES = resource.getpagesize()
PATIENCE_S = 600.0
MEMORY = Path("/dev/shm")


def measure(short: bool, plot: Path | None, folder: Path | None) -> dict[str, Any]:
    """In a new folder within `folder`, which is removed in the end."""
    if plot is not None:
        raise SystemExit("outbox draws nothing: leave --plot away")
    where = Path(tempfile.mkdtemp(prefix="affectd-outbox-", dir=folder))
    try:
        return _measured(where, 20 if short else 1)
    finally:
        shutil.rmtree(where)


def _measured(where: Path, divisor: int) -> dict[str, Any]:
    n_singly, n_batched, n_waiting = 2_000 // divisor, 100_000 // divisor, 100_000 // divisor
    singly, batched = _singly(where / "singly", n_singly), _batched(where / "batched", n_batched)
    without_disk = _without_disk(n_singly)
    n_hour = EVENTS_AN_HOUR // divisor
    written, n_seconds = _written(where / "hour", n_hour, 0.0), 120 if divisor == 1 else 2
    in_time = _written(where / "minutes", n_seconds, 1.0)
    few_mb, many_mb, read_mb = _memory(where / "waiting", n_waiting)
    return {
        "event_bytes": _event_bytes(),
        "fdatasync_a_second": round(_syncs(where / "sync", n_singly)),
        "commits_a_second_singly": round(singly),
        "commits_a_second_singly_in_memory": round(without_disk),
        "commits_a_second_batched": round(batched),
        "aims": ", ".join(
            f"{name} {aim}: {'yes' if figure >= aim else 'MISSED'}"
            for name, figure, aim in (
                ("singly", singly, SINGLY_AIM),
                ("singly, in memory", without_disk, SINGLY_AIM),
                ("batched", batched, BATCHED_AIM),
            )
        ),
        "written_mb_an_hour": round(written / n_hour * EVENTS_AN_HOUR / 1e6, 1),
        "written_mb_an_hour_in_real_time": round(in_time / n_seconds * EVENTS_AN_HOUR / 1e6, 1),
        "waiting": n_waiting,
        "memory_mb_a_tenth_waiting": round(few_mb, 1),
        "memory_mb_all_waiting": round(many_mb, 1),
        "memory_mb_all_read": round(read_mb, 1),
    }


def _singly(folder: Path, n_events: int) -> float:
    """Each is durable before the next is committed; delivered at once."""
    with _opened(folder) as outbox:
        return _a_second(n_events, lambda: _one_by_one(outbox, n_events))


def _without_disk(n_events: int) -> float:
    """As `_singly`, in a file system that lies in memory: the work that is ours."""
    with tempfile.TemporaryDirectory(prefix="affectd-outbox-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return _singly(Path(folder), n_events)


def _batched(folder: Path, n_events: int) -> float:
    """As fast as they can be committed, waiting for the disk after each burst; all durable in the end."""
    with _opened(folder) as outbox:
        return _a_second(n_events, lambda: _all_at_once(outbox, n_events))


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


def _syncs(path: Path, n_syncs: int) -> float:
    """How often a second the disk says that 4 kB are written, over what is there: no outbox is faster one by one."""
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(file, bytes(4096), 0)
        os.fsync(file)

        def write() -> None:
            for number in range(n_syncs):
                os.pwrite(file, number.to_bytes(4, "big") * 1024, 0)
                os.fdatasync(file)

        return _a_second(n_syncs, write)
    finally:
        os.close(file)


class _opened:
    """An outbox in a folder of its own. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._outbox = Outbox(folder / "outbox.sqlite", "b00t", OutboxSettings(max_mb=1000.0))

    def __enter__(self) -> Outbox:
        return self._outbox

    def __exit__(self, *_: object) -> None:
        self._outbox.close()


def _one_by_one(outbox: Outbox, n_events: int, seconds: float = 0.0) -> None:
    begun_s = time.monotonic()
    for number, event in enumerate(_events(n_events)):
        time.sleep(max(0.0, begun_s + number * seconds - time.monotonic()))
        seq = outbox.commit(event)
        assert outbox.flush(PATIENCE_S)
        outbox.delivered([seq])


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


def _a_second(n_times: int, work: Callable[[], None]) -> float:
    begun_s = time.perf_counter()
    work()
    return n_times / (time.perf_counter() - begun_s)


def _write_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6
