"""SIGKILL of the sender and of the broker, and clocks that jump: every committed event arrives, or a gap record names it.

To commit many events quickly the sender is a small process of the real outbox and the real delivery (`committer.py`); the
last test kills the whole service.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Iterable

import pytest

from benchmarks.oracle import Item, Key, Verdict, judge
from daemon.demo.broker import free_port
from tests.faults.committer import Said, Sender
from tests.faults.form import rounds, times
from tests.faults.killable import KillableBroker
from tests.faults.recorder import Recorder
from tests.faults.tap import Tap

HOUR_S = 3600.0
SEED = 20

pytestmark = pytest.mark.timeout(7200)


def committed(said: Iterable[Said]) -> list[Item]:
    return [Item(*letter) for one in said for letter in one.durable]


def verdict_of(what: str, said: list[Said], recorder: Recorder, acknowledged: Iterable[Key] = ()) -> Verdict:
    """Printed, and without fault."""
    verdict = judge(committed(said), recorder.items, recorder.gaps, acknowledged)
    print(f"{what}: {verdict.figures()}")
    assert verdict.committed > 0
    assert verdict.faults == []
    return verdict


def test_sigkill_of_the_sender(tmp_path: Path) -> None:
    """At random moments, the first milliseconds of its life included; every third has no broker to deliver to."""
    chance, said = random.Random(SEED), []
    place = tmp_path / "outbox.sqlite"
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder:
        for number in rounds("SIGKILL of the sender", 5, 300):
            port = free_port() if number % 3 == 2 else broker.port
            with Sender(place, f"b{number}", port) as sender:
                if chance.random() < 0.8:
                    sender.await_batches(1)
                time.sleep(chance.uniform(0.0, 0.4))
                said.append(sender.kill())
        with Sender(place, "last", broker.port, n_batches=1) as sender:
            sender.await_batches(1)
            said.append(sender.end())
        recorder.catch_up(broker.port)
    assert said[-1].left == 0
    verdict = verdict_of("SIGKILL of the sender", said, recorder)
    assert verdict.named == 0


def test_a_sender_that_forgets_is_found_out(tmp_path: Path) -> None:
    """The same with an outbox in memory, which calls durable what is not."""
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder:
        with Sender(None, "b0", free_port()) as sender:
            sender.await_batches(2)
            said = [sender.kill()]
        with Sender(None, "last", broker.port, n_batches=1) as sender:
            sender.await_batches(1)
            said.append(sender.end())
        recorder.catch_up(broker.port)
    verdict = judge(committed(said), recorder.items, recorder.gaps)
    assert len(verdict.lost) == len(said[0].durable) > 0
    assert verdict.received == len(said[1].durable)
    assert any("lost" in fault for fault in verdict.faults)


def test_sigkill_of_the_sender_while_its_outbox_overflows(tmp_path: Path) -> None:
    """What does not fit is named, whenever it is killed."""
    chance, said = random.Random(SEED + 1), []
    place, small = tmp_path / "outbox.sqlite", {"max_mb": 0.01}
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder:
        for number in rounds("SIGKILL while it overflows", 3, 30):
            port = broker.port if number % 3 == 2 else free_port()
            with Sender(place, f"b{number}", port, small) as sender:
                sender.await_batches(chance.randint(5, 15))
                said.append(sender.kill())
        with Sender(place, "last", broker.port, small, n_batches=1) as sender:
            sender.await_batches(1)
            said.append(sender.end())
        recorder.catch_up(broker.port)
    verdict = verdict_of("SIGKILL while it overflows", said, recorder)
    assert verdict.named > 0


def test_sigkill_of_mosquitto(tmp_path: Path) -> None:
    """It comes back after 0 to 10 s, and is killed again while the sender delivers, or before it is back.

    What it had acknowledged and not passed on is its own loss, and counted apart.
    """
    chance, longest_s = random.Random(SEED + 2), times(1, 10)
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder, Tap(broker.port) as tap:
        broker.save()
        with Sender(tmp_path / "outbox.sqlite", "b1", tap.port, pause_s=0.1) as sender:
            for number in rounds("SIGKILL of mosquitto", 3, 100):
                if number % 5 != 4:
                    recorder.await_more(1)
                time.sleep(chance.uniform(0.0, 0.5))
                broker.kill()
                time.sleep(chance.uniform(0.0, longest_s))
                broker.start()
            said = sender.end()
        recorder.catch_up(broker.port)
    assert said.left == 0
    verdict = verdict_of("SIGKILL of mosquitto", [said], recorder, tap.acknowledged)
    assert verdict.named == 0


def test_clocks_that_jump_by_an_hour(tmp_path: Path) -> None:
    """Back and forward, while it runs and over a SIGKILL; what may wait for half an hour does not become too old by it."""
    chance, said = random.Random(SEED + 3), []
    place, settings = tmp_path / "outbox.sqlite", {"max_age_h": 0.5}
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder:
        for number in rounds("clock set by an hour", 3, 20):
            step_s = HOUR_S if number % 2 else -HOUR_S
            port = free_port() if number % 3 == 0 else broker.port
            with Sender(place, f"b{number}", port, settings) as sender:
                sender.await_batches(2)
                sender.set_clock(step_s)
                sender.await_batches(sender.n_batches + 5)
                time.sleep(chance.uniform(0.0, 0.2))
                said.append(sender.kill())
        with Sender(place, "last", broker.port, settings, n_batches=1) as sender:
            sender.set_clock(HOUR_S)
            sender.await_batches(1)
            said.append(sender.end())
        recorder.catch_up(broker.port)
    assert said[-1].left == 0
    verdict = verdict_of("clock set by an hour", said, recorder)
    assert verdict.named == 0
