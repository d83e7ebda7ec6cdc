"""A day of sound at 60 times real time through `affectd run`: does it grow, lose sound or events, or drift?"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable

from benchmarks.drawing import pyplot
from benchmarks.lines import columns
from benchmarks.service import affectd_run
from benchmarks.soak_sound import write_hours
from benchmarks.soak_watch import Hour, Watch
from benchmarks.spread import spread
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker, free_port
from daemon.demo.subscriber import Subscriber
from daemon.settings import OutboxSettings
from models import registry, runtime

N_HOURS, HOUR_S, SPEED = 24, 3600, 60.0
GROWTH = 0.02
PATIENCE_S = 60.0
SAY_EVERY_S = 60.0
KINDS = ("utterance", "episode", "state")
SETTINGS = """
[node]
name = "soak"
state = {state}
[broker]
port = {port}
[discovery]
enabled = false
[seat]
forget_after_s = {forget_after_s}
[metrics]
enabled = true
port = {metrics_port}
[[source]]
name = "driver"
recording = {recording}
speed = {speed}
"""


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """mosquitto, a subscriber in this process, and the service in its own, with its outbox on disk, until the day is over."""
    model = runtime.open_model(registry.DEFAULT)
    n_hours, hour_s = (3, 40) if short else (N_HOURS, HOUR_S)
    with tempfile.TemporaryDirectory(prefix="affectd-soak-") as folder:
        watch, committed, waiting = _day(Path(folder), n_hours, hour_s)
    figures = _figures(watch, model.contract.front_end.hop_samples, committed, waiting)
    if plot is not None:
        _draw(plot, [Hour(**one) for one in figures["by_hour"]])
    head = {"model": model.contract.name, "sha256": model.sha256, "hours": n_hours, "hour_s": hour_s, "speed_asked": SPEED}
    return {**head, **figures}


def table(figures: dict[str, Any]) -> str:
    """The figures, and the process hour by hour."""
    hours = figures["by_hour"]
    told = "\n".join(f"{name:32} {value}" for name, value in figures.items() if name != "by_hour")
    return f"{told}\n\n{columns(tuple(hours[0]), [tuple(str(value) for value in hour.values()) for hour in hours])}"


def _day(folder: Path, n_hours: int, hour_s: int) -> tuple[Watch, int, int]:
    """What was seen of it; messages committed, and of them those that the broker does not have in the end."""
    # an hour more, so that the process can be looked at when the day is over
    hour_samples, rate_hz = write_hours(folder / "day.flac", n_hours + 1, hour_s)
    metrics_port = free_port()
    watch = Watch(n_hours, hour_samples, rate_hz, metrics_port)
    topics = ["affectd/soak/gap", *(f"affectd/soak/driver/{kind}" for kind in KINDS)]
    with PrivateBroker() as broker, Subscriber(broker.port, topics, watch.receive):
        settings = folder / "affectd.toml"
        settings.write_text(
            SETTINGS.format(
                state=json.dumps(str(folder / "state")),
                port=broker.port,
                forget_after_s=hour_s / 12.0,
                metrics_port=metrics_port,
                recording=json.dumps(str(folder / "day.flac")),
                speed=SPEED,
            )
        )
        _serve(settings, folder / "log", watch, n_hours)
        # the service has ended: nobody else has the file
        outbox = Outbox(folder / "state" / "outbox.sqlite", "soak", OutboxSettings())
        committed, waiting = outbox.last_seq, len(outbox)
        outbox.close()
        _await(lambda: len(watch.seqs) >= committed - waiting, PATIENCE_S)
    return watch, committed, waiting


def _serve(settings: Path, log: Path, watch: Watch, n_hours: int) -> None:
    """`affectd run` until the watch says that the day is over."""
    with affectd_run(settings, log) as service:
        watch.begin(service.pid)
        while not watch.over.wait(SAY_EVERY_S):
            assert service.poll() is None, log.read_text()
            print(f"{max(0, len(watch.hours) - 1)} of {n_hours} hours", file=sys.stderr, flush=True)
        service.terminate()
        assert service.wait(PATIENCE_S) == 0, log.read_text()


def _await(holds: Callable[[], bool], patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while not holds() and time.monotonic() < until_s:
        time.sleep(0.05)


def _figures(watch: Watch, hop_samples: int, committed: int, waiting: int) -> dict[str, Any]:
    drift = watch.drift()
    start, warm, end = watch.hours[0], watch.hours[1], watch.hours[-1]
    largest_mb = max(hour.rss_mb for hour in watch.hours[1:])
    growth = largest_mb / warm.rss_mb - 1.0
    heard_s = watch.heard_s
    aims = {
        f"memory after the first hour within {GROWTH:.0%}": growth <= GROWTH,
        "descriptors constant": len({hour.descriptors for hour in watch.hours[1:]}) == 1,
        "threads constant": len({hour.threads for hour in watch.hours[1:]}) == 1,
        f"drift within a hop, {hop_samples} samples": drift.max_samples <= hop_samples and drift.n_alone == 0,
        "nothing lost": end.lost_s == 0.0 and committed == len(watch.seqs) and waiting == 0,
    }
    return {
        "speed": round(heard_s / (end.wall_s - start.wall_s), 1),
        "percent_of_a_core": round(100.0 * (end.core_s - start.core_s) / heard_s, 2),
        "rss_mb_first_utterance": start.rss_mb,
        "rss_mb_after_an_hour": warm.rss_mb,
        "rss_mb_largest_later": largest_mb,
        "rss_mb_end": end.rss_mb,
        "rss_growth_percent": round(100.0 * growth, 2),
        "descriptors": sorted({hour.descriptors for hour in watch.hours[1:]}),
        "threads": sorted({hour.threads for hour in watch.hours[1:]}),
        "drift_samples_median": round(drift.median_samples, 1),
        "drift_samples_max": round(drift.max_samples, 1),
        "events_compared": drift.n_events,
        "events_without_counterpart": drift.n_alone,
        "sound_lost_s": end.lost_s,
        "utterances": len(watch.spoken_s),
        "messages_committed": committed,
        "messages_received": len(watch.seqs),
        "messages_received_twice": watch.n_again,
        "messages_waiting": waiting,
        "latency_ms": spread(watch.late_ms, 2),
        "aims": ", ".join(f"{aim}: {'yes' if reached else 'MISSED'}" for aim, reached in aims.items()),
        "by_hour": [asdict(hour) for hour in watch.hours],
    }


def _draw(path: Path, hours: list[Hour]) -> None:
    plt = pyplot()
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, layout="constrained")
    at = [hour.hour for hour in hours]
    top.plot(at, [hour.rss_mb for hour in hours], marker="o", label="resident")
    top.plot(at, [hour.anonymous_mb for hour in hours], marker="o", label="of it, no file's")
    top.set_ylim(0.0, 1.1 * max(hour.rss_mb for hour in hours))
    top.set_ylabel("MB")
    top.set_title("Memory of the service over a day of sound", loc="left", fontsize=11)
    top.legend(loc="lower right")
    bottom.plot(at, [hour.descriptors for hour in hours], marker="o", label="descriptors")
    bottom.plot(at, [hour.threads for hour in hours], marker="o", label="threads")
    bottom.set_ylim(0.0, 1.1 * max(hour.descriptors for hour in hours))
    bottom.set_xlabel("hours of sound")
    bottom.legend(loc="lower right")
    figure.savefig(path, dpi=110)
