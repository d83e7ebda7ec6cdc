"""A thousand cabins before one mosquitto, and before three RabbitMQ nodes: events a second, latency, memory, what is lost."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawing import pyplot
from benchmarks.fleet_backend import Backend, Received
from benchmarks.fleet_brokers import Broker, OneMosquitto, ThreeRabbits
from benchmarks.fleet_cabin import one_cabin
from benchmarks.fleet_cabins import BOOT, Cabins, Told
from benchmarks.fleet_paper import on_paper
from benchmarks.lines import columns
from benchmarks.oracle import OUT_OF_ORDER, Verdict, judge

N_CABINS, N_PROCESSES = 1000, 4
EVENTS_A_SECOND = 0.2
"""Of a cabin: somebody says something every five seconds."""
PATIENCE_S = 900.0
QUIET_S = 15.0
"""Longer than a collector takes to come back to a broker that is there again."""
LATE_S = 1.0
"""Whatever is later than that waited for a broker."""
MEMORY = Path("/dev/shm")
"""Each cabin has a disk of its own; this machine has one for all of them: their outboxes' files are in memory."""
OPTIONS = {
    "cabins": {"type": int, "default": 0, "metavar": "N", "help": f"fleet: so many, default {N_CABINS}, --short 20"},
    "brokers": {
        "choices": ["both", "mosquitto", "rabbitmq"],
        "default": "both",
        "help": "fleet: default both; --short mosquitto",
    },
}


@dataclass(frozen=True)
class Plan:
    """How long each part takes, in seconds, and how much is said."""

    n_cabins: int
    n_processes: int
    calm_s: float
    burst: int
    """Events of each cabin at once."""
    killed_s: float
    parted_s: float
    events_a_second: float = EVENTS_A_SECOND


@dataclass
class Course:
    """What happened when, on the clock of all processes."""

    at_ns: dict[str, int] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)

    def mark(self, what: str) -> None:
        """Now, and say so."""
        self.at_ns[what] = time.monotonic_ns()
        print(f"  {what}", file=sys.stderr, flush=True)


def measure(short: bool, plot: Path | None, cabins: int, brokers: str) -> dict[str, Any]:
    """Each broker in turn, with cabins of its own; then what one cabin sends in an hour, and what 100,000 of them need."""
    if short:
        plan = Plan(cabins or 20, 1, 2.0, 20, 1.0, 1.0, 2.0)
        kinds: Sequence[Callable[[], Broker]] = [OneMosquitto]
    else:
        plan = Plan(cabins or N_CABINS, N_PROCESSES, 60.0, 10, 20.0, 30.0)
        both: dict[str, Callable[[], Broker]] = {"mosquitto": OneMosquitto, "rabbitmq": ThreeRabbits}
        kinds = [kind for name, kind in both.items() if brokers in ("both", name)]
    figures: dict[str, Any] = {"cabins": plan.n_cabins, "events_a_second_a_cabin": plan.events_a_second}
    curves: dict[str, NDArray[np.float64]] = {}
    for kind in kinds:
        with kind() as broker:
            print(f"{broker.name}:", file=sys.stderr, flush=True)
            figures[broker.name], curves[broker.name] = _through(broker, plan)
            # what comes later may fail, and this has taken long
            print(json.dumps(figures[broker.name]), file=sys.stderr, flush=True)
    figures["one cabin"] = one_cabin(120 if short else 1200)
    figures["100,000 cabins"] = {name: on_paper(figures[name], figures["one cabin"]) for name in curves}
    if plot is not None:
        _draw(plot, curves)
    return figures


def table(figures: dict[str, Any]) -> str:
    """The brokers side by side, then one cabin, then the paper."""
    names = [name for name, value in figures.items() if isinstance(value, dict) and "events_a_second_burst" in value]
    rows = [(key, *(str(figures[name][key]) for name in names)) for key in figures[names[0]]]
    cabin = "\n".join(f"{name:32} {value}" for name, value in figures["one cabin"].items())
    paper = "\n".join(f"{name:32} {line}" for name in names for line in figures["100,000 cabins"][name])
    return f"{columns(('', *names), rows)}\n\none cabin:\n{cabin}\n\n100,000 cabins, on paper:\n{paper}"


def _through(broker: Broker, plan: Plan) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """The figures; and for each event when it was committed, in seconds from the first, and how long it took."""
    course = Course()
    base = str(MEMORY) if MEMORY.is_dir() else None
    files = tempfile.TemporaryDirectory(prefix="affectd-cabins-", dir=base)
    with Backend(broker.backend, broker.queue) as backend, files as folder:
        before_mb = broker.rss_mb()
        with Cabins(broker.cabins, Path(folder), plan.n_cabins, plan.n_processes) as cabins:
            course.mark("connecting")
            _await(lambda: cabins.connected() == plan.n_cabins)
            course.mark("all connected")
            time.sleep(plan.calm_s / 4)
            course.memory_mb = {"before": before_mb, "connected": broker.rss_mb()}
            n_burst = _phases(broker, plan, cabins, backend, course)
            told = cabins.end()
        _settle(backend, sum(len(items) for one in told for items in one.committed.values()))
        received = backend.all()
    return _figures(plan, course, n_burst, told, received), _curve(received)


def _phases(broker: Broker, plan: Plan, cabins: Cabins, backend: Backend, course: Course) -> int:
    """Calm, a burst, a node killed, a node parted; how many events the burst had."""
    course.mark("calm")
    cabins.speak(plan.events_a_second)
    time.sleep(plan.calm_s)
    cabins.speak(0.0)
    _await(lambda: cabins.waiting() == 0)
    n_before = backend.count()
    course.mark("burst")
    n_burst = cabins.burst(plan.burst)
    _await(lambda: cabins.waiting() == 0 and backend.count() >= n_before + n_burst)
    for what, begin, end, for_s in (
        ("killed", broker.kill, broker.bring_back, plan.killed_s),
        ("parted", broker.part, broker.join, plan.parted_s),
    ):
        cabins.speak(plan.events_a_second)
        time.sleep(min(5.0, plan.calm_s))
        course.mark(what)
        begin()
        time.sleep(for_s)
        end()
        course.mark(f"{what}, mended")
        time.sleep(for_s)
        cabins.speak(0.0)
        _await(lambda: cabins.waiting() == 0)
    course.mark("delivered")
    return n_burst


def _judged(told: Sequence[Told], received: Received) -> Verdict:
    """The oracle of the fault suite, cabin by cabin, its verdicts added up."""
    total = Verdict()
    for one in told:
        for node, committed in one.committed.items():
            acknowledged = [(BOOT, seq) for seq in one.acknowledged[node]]
            verdict = judge(committed, received.items.get(node, []), (), acknowledged)
            total.committed += verdict.committed
            total.received += verdict.received
            total.duplicated += verdict.duplicated
            total.with_the_broker += verdict.with_the_broker
            total.lost += verdict.lost
            total.faults += [f"{node}: {fault}" for fault in verdict.faults]
    return total


def _figures(plan: Plan, course: Course, n_burst: int, told: Sequence[Told], received: Received) -> dict[str, Any]:
    verdict = _judged(told, received)
    faults = [fault for fault in verdict.faults if OUT_OF_ORDER not in fault]
    at_ns, memory_mb = course.at_ns, course.memory_mb
    committed = np.array(received.committed_ns, np.int64)
    took_ms = (np.array(received.received_ns, np.int64) - committed) / 1e6
    calm = took_ms[(committed >= at_ns["calm"]) & (committed < at_ns["burst"])]
    burst_ns = np.array(received.received_ns, np.int64)[(committed >= at_ns["burst"]) & (committed < at_ns["killed"])][:n_burst]
    return {
        "connected_s": round((at_ns["all connected"] - at_ns["connecting"]) / 1e9, 1),
        "memory_mb": round(memory_mb["connected"], 1),
        "memory_kb_a_cabin": round(1000.0 * (memory_mb["connected"] - memory_mb["before"]) / plan.n_cabins, 1),
        "events_a_second_calm": round(len(calm) / plan.calm_s, 1),
        "calm_p50_ms": round(float(np.percentile(calm, 50)), 1),
        "calm_p99_ms": round(float(np.percentile(calm, 99)), 1),
        "events_a_second_burst": round(n_burst / ((burst_ns.max() - at_ns["burst"]) / 1e9)),
        **{
            f"{what}_{name}": value
            for what in ("killed", "parted")
            for name, value in _recovery(course, received, what).items()
        },
        "connections": sum(one.n_connections for one in told),
        "committed": verdict.committed,
        "received": verdict.received,
        "received_twice": verdict.duplicated,
        "lost": len(verdict.lost),
        "lost_by_the_broker_after_its_puback": verdict.with_the_broker,
        "not_delivered": sum(one.left for one in told),
        # two collectors of one queue bring that about, and `seq` tells it: no fault
        "out_of_order": len(verdict.faults) - len(faults),
        "faults": faults[:5],
    }


def _recovery(course: Course, received: Received, what: str) -> dict[str, float]:
    """From the fault on: how long until no event was late any more, and how late the latest was."""
    begin_ns = course.at_ns[what]
    committed = np.array(received.committed_ns, np.int64)
    arrived = np.array(received.received_ns, np.int64)
    end_ns = course.at_ns["parted"] if what == "killed" else course.at_ns["delivered"]
    of_phase = (arrived >= begin_ns) & (committed < end_ns)
    took_s = (arrived[of_phase] - committed[of_phase]) / 1e9
    late = arrived[of_phase][took_s > LATE_S]
    recovered_s = (late.max() - begin_ns) / 1e9 if len(late) else 0.0
    return {
        "late_events_share": round(float(np.mean(took_s > LATE_S)), 3),
        "longest_wait_s": round(float(took_s.max()), 1),
        "recovered_after_s": round(float(recovered_s), 1),
    }


def _curve(received: Received) -> NDArray[np.float64]:
    committed = np.array(received.committed_ns, np.int64)
    took_s = (np.array(received.received_ns, np.int64) - committed) / 1e9
    return np.stack([(committed - committed.min()) / 1e9, took_s], axis=1)


def _await(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, "it never came to that"
        time.sleep(0.2)


def _settle(backend: Backend, n_committed: int) -> None:
    """Until all is there, or nothing more comes: a broker that is killed may take with it what it has acknowledged."""
    n_there, since_s = backend.count(), time.monotonic()
    while n_there < n_committed and time.monotonic() - since_s < QUIET_S:
        time.sleep(0.2)
        n_before, n_there = n_there, backend.count()
        if n_there > n_before:
            since_s = time.monotonic()


def _draw(path: Path, curves: dict[str, NDArray[np.float64]]) -> None:
    plt = pyplot()
    figure, axes = plt.subplots(len(curves), 1, figsize=(9, 3 * len(curves)), layout="constrained", squeeze=False)
    for axis, (name, curve) in zip(axes[:, 0], curves.items()):
        axis.plot(curve[:, 0], np.maximum(curve[:, 1], 1e-3), ",")
        axis.set_yscale("log")
        axis.set_ylabel("s until received")
        axis.set_title(f"{name}: calm, a burst, a node killed, a node parted", loc="left", fontsize=11)
    axes[-1, 0].set_xlabel("s")
    figure.savefig(path, dpi=110)
