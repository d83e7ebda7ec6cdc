"""How soon what was queued on disk while the broker was away is with a subscriber once it is back, first and last event."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.spread import spread
from daemon.clock import SystemClock
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker, free_port
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings

NODE = "bench"
N_QUEUED = 10_000
AWAY_S = (3.0, 60.0)
N_ROUNDS = 5
FIRST_AIM_S, LAST_AIM_S = 2.0, 10.0
PATIENCE_S = 120.0
KEEPS_ALL = "max_queued_messages 0"
"""By default mosquitto drops what is beyond 1000 for a subscriber that does not read for a tenth of a second."""
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """The service's outbox and delivery in a process of their own, mosquitto, and a subscriber in this one."""
    if plot is not None:
        raise SystemExit("delivery draws nothing: leave --plot away")
    n_queued, aways_s, n_rounds = (500, (0.5,), 1) if short else (N_QUEUED, AWAY_S, N_ROUNDS)
    figures: dict[str, Any] = {"queued": n_queued, "rounds": n_rounds}
    for away_s in aways_s:
        done: list[tuple[float, float, int, float]] = []
        n_incomplete = 0
        while len(done) < n_rounds:
            one = _round(n_queued, away_s)
            if one is None:
                n_incomplete += 1
                assert n_incomplete <= n_rounds, "events do not come"
            else:
                done.append(one)
        first_s, last_s, n_again, core_s = np.array(done).T
        name = f"away_{away_s:g}_s"
        figures[f"{name}_first_s"] = spread(first_s, 2)
        figures[f"{name}_last_s"] = spread(last_s, 2)
        figures[f"{name}_events_a_second"] = round(float(np.median(n_queued / (last_s - first_s))))
        figures[f"{name}_sender_core_s"] = round(float(np.median(core_s)), 2)
        figures[f"{name}_again"] = int(n_again.sum())
        figures[f"{name}_rounds_incomplete"] = n_incomplete
        figures[f"{name}_aims"] = _reached(first_s.max(), last_s.max())
    return figures


def _reached(first_s: float, last_s: float) -> str:
    reached = {f"first within {FIRST_AIM_S:g} s": first_s <= FIRST_AIM_S, f"all within {LAST_AIM_S:g} s": last_s <= LAST_AIM_S}
    return ", ".join(f"{aim}: {'yes' if yes else 'MISSED'}" for aim, yes in reached.items())


def _round(n_queued: int, away_s: float) -> tuple[float, float, int, float] | None:
    """From the broker's first answer to the first and the last event, in seconds; events that came twice; the sender's work.

    That is the time of a core that it takes to deliver all, which another program that has the cores does not change.
    None when not all came in time: they were late, or the sender was there before the subscriber. It is counted.
    """
    port = free_port()
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder, _Subscriber(port, n_queued) as subscriber:
        place = Path(folder) / "outbox.sqlite"
        sender = multiprocessing.get_context("spawn").Process(target=_send, args=(place, port, n_queued, theirs), daemon=True)
        sender.start()
        try:
            assert ours.poll(PATIENCE_S), "the sender does not begin"
            ours.recv()
            time.sleep(away_s)
            with PrivateBroker(port, KEEPS_ALL):
                back_s = time.monotonic()
                complete = subscriber.complete()
                ours.send("end")
                core_s = ours.recv()
                sender.join(PATIENCE_S)
        finally:
            sender.kill()
    if not complete:
        return None
    return subscriber.first_s - back_s, subscriber.last_s - back_s, subscriber.n_again, core_s


def _send(place: Path, port: int, n_queued: int, told: Connection) -> None:
    """The sender's process: queues, says so, delivers until it is told to end."""
    outbox = Outbox(place, "b1", OutboxSettings(), NODE)
    delivery = MqttDelivery(BrokerSettings(port=port), NODE, outbox, SystemClock().at)
    delivery.start()
    for number in range(n_queued):
        outbox.commit(_utterance(number))
    assert outbox.flush(PATIENCE_S)
    before_s = time.process_time()
    told.send("queued")
    told.recv()
    told.send(time.process_time() - before_s)
    delivery.stop(PATIENCE_S)
    outbox.close()


def _utterance(number: int) -> Message:
    """As large as a real one."""
    body = {
        "schema": "affectd/utterance/1",
        "node": NODE,
        "source": "driver",
        "at": "2024-05-17T08:00:00.000Z",
        "model": {"name": "affectnet", "sha256": "0" * 64},
        "label": "neutral",
        "confidence": 0.62,
        "probabilities": dict.fromkeys(LABELS, 0.142857),
        "speech": {"start_s": 3.0 * number, "end_s": 3.0 * number + 2.78, "duration_s": 2.78},
        "windows": 3,
        "clipped_share": 0.0,
        "latency_ms": {"hang_over": 800.0, "block": 0.0, "queue": 0.1, "front_end": 0.2, "inference": 4.1, "total": 804.4},
    }
    return Message("driver/utterance", body)


class _Subscriber:
    """There as soon as the broker is, long before the sender looks again. Use it as a context."""

    def __init__(self, port: int, n_wanted: int) -> None:
        self._port = port
        self._n_wanted = n_wanted
        self._ended = threading.Event()
        self._complete = threading.Event()
        self._seen: set[bytes] = set()
        self.first_s = self.last_s = 0.0
        self.n_again = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("affectd/+/+/utterance", qos=1)
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._connect, daemon=True)

    def __enter__(self) -> _Subscriber:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def complete(self) -> bool:
        """Wait for all of them."""
        return self._complete.wait(PATIENCE_S)

    def _connect(self) -> None:
        while not self._ended.wait(0.002):
            try:
                self._client.connect("127.0.0.1", self._port)
            except OSError:
                continue
            self._client.loop_start()
            return

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        now_s = time.monotonic()
        if not self._seen:
            self.first_s = now_s
        payload = bytes(message.payload)
        if payload in self._seen:
            self.n_again += 1
            return
        self._seen.add(payload)
        self.last_s = now_s
        if len(self._seen) == self._n_wanted:
            self._complete.set()
