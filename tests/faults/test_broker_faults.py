"""A broker that answers never, late, half-way, not at all or nonsense costs no event, and none is put aside for it."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Callable

import pytest

from benchmarks.oracle import Item, judge
from daemon.delivery.mqtt import MqttDelivery, Pace
from daemon.delivery.outbox import Outbox
from daemon.delivery.outbox.letter import as_letter
from daemon.demo.broker import PrivateBroker
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings
from tests.daemon.wire import PATIENCE_S
from tests.faults.form import rounds
from tests.faults.proxy import NONE, SILENT, Fault, FaultyProxy
from tests.faults.recorder import Recorder, content_of

SEED = 6
NODE = "n0de"
AT = "2024-05-17T08:00:00.000Z"
HURRY = Pace(connect_s=0.2, answer_s=0.2, first_retry_s=0.005, longest_retry_s=0.02, again_s=0.01)
SOURCES = ("driver", "passenger")

pytestmark = pytest.mark.timeout(7200)


def somewhere(chance: random.Random, then: str) -> Fault:
    """In the hand-shake, or while letters are on their way."""
    if chance.random() < 0.5:
        return Fault(up_bytes=chance.randrange(1, 6000), then=then)
    return Fault(down_bytes=chance.randrange(1, 120), then=then)


Choose = Callable[[random.Random], Fault]
FAULTS: dict[str, Choose] = {
    "accepts and never answers": lambda chance: SILENT,
    "stalls half-way": lambda chance: somewhere(chance, "stall"),
    "answers late": lambda chance: Fault(late_s=chance.uniform(0.01, 0.15)),
    "answers too late": lambda chance: Fault(late_s=chance.uniform(0.15, 0.5)),
    "closes half-way": lambda chance: somewhere(chance, "close"),
    "resets half-way": lambda chance: somewhere(chance, "reset"),
    "closes always at the same byte": lambda chance: Fault(up_bytes=700, then="close"),
    "refuses": lambda chance: Fault(refuses=True),
    "sends nonsense": lambda chance: somewhere(chance, "nonsense"),
}


class Trial:
    """An outbox on disk that delivers through a faulty proxy, and what was committed to it."""

    def __init__(self, place: Path, proxy: FaultyProxy, protocol: str) -> None:
        self.outbox = Outbox(place, "b00t", OutboxSettings(linger_ms=0.0), NODE, lambda: AT)
        settings = BrokerSettings(port=proxy.port, protocol=protocol)
        self.delivery = MqttDelivery(settings, NODE, self.outbox, lambda: AT, HURRY)
        self.committed: list[Item] = []
        self._proxy = proxy

    def commit(self, n_letters: int) -> None:
        for _ in range(n_letters):
            source = SOURCES[self.outbox.last_seq % 2]
            head = {"schema": "affectd/utterance/1", "node": NODE, "source": source, "at": AT}
            message = Message(f"{source}/utterance", {**head, "pad": "x" * 150})
            letter = as_letter(message, self.outbox.boot, self.outbox.commit(message))
            self.committed.append(Item(letter.boot, letter.seq, source, content_of(letter.payload)))
        assert self.outbox.flush(PATIENCE_S)

    def await_that(self, holds: Callable[[], bool]) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < until_s, (self.delivery.summary(), self.outbox.summary())
            time.sleep(0.002)

    def one_round(self, choose: Callable[[], Fault], n_letters: int, n_connections: int) -> None:
        """Letters under the fault, and all of them delivered once it is over."""
        self._proxy.choose = choose
        self._proxy.cut()
        until = self._proxy.n_connections + n_connections
        self.commit(n_letters)
        self.await_that(lambda: self._proxy.n_connections >= until or not len(self.outbox))
        self._proxy.choose = lambda: NONE
        self.await_that(lambda: not len(self.outbox))


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
@pytest.mark.parametrize("what", FAULTS)
def test_a_broker_in_trouble_costs_no_event(tmp_path: Path, what: str, protocol: str) -> None:
    chance = random.Random(SEED)
    with PrivateBroker() as broker, Recorder(broker.port) as recorder, FaultyProxy(broker.port, lambda: NONE) as proxy:
        trial = Trial(tmp_path / "outbox.sqlite", proxy, protocol)
        trial.delivery.start()
        for _ in rounds(f"a broker that {what}, MQTT {protocol}", 1, 50):
            # more connections than would make a suspect of any letter
            n_connections = 16 if "same byte" in what else chance.randrange(1, 6)
            trial.one_round(lambda: FAULTS[what](chance), 20, n_connections)
        trial.delivery.stop(PATIENCE_S)
        trial.outbox.close()
        recorder.catch_up(broker.port)
    verdict = judge(trial.committed, recorder.items, recorder.gaps)
    print(f"a broker that {what}, MQTT {protocol}: {verdict.figures()}, {proxy.n_connections} connections")
    assert verdict.faults == []
    assert (verdict.named, trial.outbox.summary()["put_aside"]) == (0, 0)
    assert verdict.received >= verdict.committed > 0
