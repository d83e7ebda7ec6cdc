"""Many cabins in one process: each with the service's own outbox on disk and its own connection, and events made up by lot."""

from __future__ import annotations

import heapq
import logging
import multiprocessing
import random
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Sequence

from benchmarks.delivery import LABELS
from benchmarks.oracle import Item
from daemon.clock import SystemClock
from daemon.delivery.mqtt import MqttDelivery, Pace
from daemon.delivery.outbox import Outbox
from daemon.delivery.outbox.letter import as_letter
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings

SEED = 10
PATIENCE_S = 600.0
LOOK_UP_S = 0.05
STARTS_A_SECOND = 10.0
"""Of the cabins of a process: not all are switched on in one moment."""
PACE = Pace(connect_s=60.0, answer_s=60.0)
"""They have one machine between them, with the broker: a cabin that is slow here has not lost its broker."""
BOOT = "bench"


@dataclass
class Told:
    """What the cabins of a process have done in the end."""

    committed: dict[str, list[Item]] = field(default_factory=dict)
    """By node."""
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    """By node: numbers that the broker has said to have."""
    n_connections: int = 0
    left: int = 0
    """Letters that were not delivered."""


class Cabins:
    """Some processes of them. Use it as a context; they are killed in the end."""

    def __init__(self, settings: BrokerSettings, folder: Path, n_cabins: int, n_processes: int) -> None:
        """`folder`: for the outboxes' files."""
        nodes = [f"cabin{number:05}" for number in range(n_cabins)]
        spawn = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._children = []
        for number in range(n_processes):
            ours, theirs = multiprocessing.Pipe()
            arguments = (settings, folder, nodes[number::n_processes], number, theirs)
            self._children.append(spawn.Process(target=_run, args=arguments, daemon=True))
            self._ends.append(ours)

    def __enter__(self) -> Cabins:
        for child in self._children:
            child.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.join()

    def connected(self) -> int:
        """How many are."""
        return sum(self._ask(("connected",)))

    def waiting(self) -> int:
        """Events that a broker has not acknowledged yet."""
        return sum(self._ask(("waiting",)))

    def speak(self, events_a_second: float) -> None:
        """Each cabin goes on committing so many, by lot."""
        self._ask(("speak", events_a_second))

    def burst(self, n_events: int) -> int:
        """Each commits so many at once, with no end; how many that were in all."""
        return sum(self._ask(("burst", n_events)))

    def end(self) -> list[Told]:
        """They deliver what is left and end."""
        return self._ask(("end",))

    def _ask(self, question: tuple[Any, ...]) -> list[Any]:
        for end in self._ends:
            end.send(question)
        answers = []
        for end in self._ends:
            assert end.poll(PATIENCE_S), f"no answer to {question}"
            answers.append(end.recv())
        return answers


class _Cabin:
    def __init__(self, settings: BrokerSettings, folder: Path, node: str) -> None:
        self.node = node
        self.committed: list[Item] = []
        self.acknowledged: set[int] = set()
        self.outbox = Outbox(folder / node / "outbox.sqlite", BOOT, OutboxSettings(), node)
        self.outbox.on_delivered = self.acknowledged.update
        self.delivery = MqttDelivery(settings, node, self.outbox, SystemClock().at, PACE)
        # as the service does: a session with a subscription of its own
        self.delivery.subscribe(f"affectd/{node}/+/set", lambda *_: None)

    def commit(self) -> None:
        message = Message("driver/utterance", _utterance(self.node))
        seq = self.outbox.commit(message)
        payload = as_letter(message, BOOT, seq).payload
        self.committed.append(Item(BOOT, seq, "driver", payload.decode()[-64:]))


def _utterance(node: str) -> dict[str, Any]:
    """As large as a real one; it ends with the time of its commit, which no two share."""
    return {
        "schema": "affectd/utterance/1",
        "node": node,
        "source": "driver",
        "at": SystemClock().at(),
        "model": {"name": "affectnet", "sha256": "0" * 64},
        "label": "neutral",
        "confidence": 0.62,
        "probabilities": dict.fromkeys(LABELS, 0.142857),
        "speech": {"start_s": 1.0, "end_s": 3.78, "duration_s": 2.78},
        "windows": 3,
        "clipped_share": 0.0,
        "latency_ms": {"hang_over": 800.0, "block": 0.0, "queue": 0.1, "front_end": 0.2, "inference": 4.1, "total": 804.4},
        "lot": random.getrandbits(32),
        "committed_ns": time.monotonic_ns(),
    }


def _run(settings: BrokerSettings, folder: Path, nodes: Sequence[str], number: int, told: Connection) -> None:
    """The process."""
    chance = random.Random(SEED + number)
    # each connection that is cut is a line of the log, a thousand of them none that anybody reads
    logging.disable(logging.WARNING)
    cabins = []
    for node in nodes:
        cabins.append(_Cabin(settings, folder, node))
        cabins[-1].delivery.start()
        time.sleep(1.0 / STARTS_A_SECOND)
    speaking = _Speaking(cabins, chance)
    while True:
        if not told.poll(speaking.step()):
            continue
        question, *more = told.recv()
        if question == "connected":
            told.send(sum(cabin.delivery.connected for cabin in cabins))
        elif question == "waiting":
            told.send(sum(len(cabin.outbox) for cabin in cabins))
        elif question == "speak":
            speaking.begin(more[0])
            told.send(None)
        elif question == "burst":
            for _ in range(more[0]):
                for cabin in cabins:
                    cabin.commit()
            told.send(more[0] * len(cabins))
        else:
            told.send(_ended(cabins))
            return


class _Speaking:
    """Who is to commit next, and when."""

    def __init__(self, cabins: Sequence[_Cabin], chance: random.Random) -> None:
        self._cabins = cabins
        self._chance = chance
        self._due: list[tuple[float, int]] = []
        self._rate_hz = 0.0

    def begin(self, rate_hz: float) -> None:
        """`rate_hz` 0: nobody says anything more."""
        self._rate_hz = rate_hz
        now_s = time.monotonic()
        self._due = [(now_s + self._chance.expovariate(rate_hz), at) for at in range(len(self._cabins))] if rate_hz else []
        heapq.heapify(self._due)

    def step(self) -> float:
        """What is due is committed; how long there is until the next."""
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            due_s, at = self._due[0]
            self._cabins[at].commit()
            heapq.heapreplace(self._due, (due_s + self._chance.expovariate(self._rate_hz), at))
        return min(LOOK_UP_S, max(0.0, self._due[0][0] - now_s)) if self._due else LOOK_UP_S


def _ended(cabins: Sequence[_Cabin]) -> Told:
    told = Told()
    n_left: list[int] = []
    # together: each waits for its own broker
    threads = [
        threading.Thread(target=lambda cabin=cabin: n_left.append(cabin.delivery.stop(PATIENCE_S / 2))) for cabin in cabins
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for cabin in cabins:
        told.committed[cabin.node] = cabin.committed
        told.acknowledged[cabin.node] = set(cabin.acknowledged)
        told.n_connections += cabin.delivery.summary()["connections"]
        cabin.outbox.close()
    told.left = sum(n_left)
    return told
