"""What one cabin sends in an hour: `affectd run` itself, over TLS, where somebody speaks five sixths of the time."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet_brokers import OneMosquitto
from benchmarks.relays import Link, Relays
from benchmarks.service import affectd_run
from benchmarks.soak_sound import write_hours
from daemon.delivery.mqtt.subscriber import SessionSubscriber
from daemon.delivery.subscription import Arrived
from daemon.demo.broker import free_port

NODE = "onecabin"
FASTEST = 60.0
HEALTH_S = 10.0
HOUR_S = 3600.0
PATIENCE_S = 900.0
SETTINGS = """
[node]
name = "{node}"
state = {state}
[broker]
port = {port}
tls = true
ca_file = {ca_file}
cert_file = {cert_file}
key_file = {key_file}
[discovery]
enabled = false
[[source]]
name = "driver"
recording = {recording}
speed = {speed}
"""


@dataclass(frozen=True)
class _Mark:
    """What had gone over the wire when so much had been heard."""

    heard_s: float
    sent_bytes: int
    received_bytes: int
    n_messages: int


def one_cabin(heard_s: int) -> dict[str, Any]:
    """An hour's bytes, from so much sound; `/health` comes by the clock, and is counted as often as it would in an hour."""
    with OneMosquitto() as broker, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        wire = Link(("127.0.0.1", port), [("127.0.0.1", broker.backend[0].port)])
        relays = Relays()
        with relays, SessionSubscriber(broker.backend[0], "one-cabin", [f"affectd/{NODE}/#"]) as subscriber:
            relays.open([wire])
            watch = _Watch(wire, subscriber)
            recording = Path(folder) / "cabin.flac"
            write_hours(recording, 2, heard_s)
            settings = Path(folder) / "affectd.toml"
            values = {name: getattr(broker.cabins, name) for name in ("ca_file", "cert_file", "key_file")}
            values.update(state=str(Path(folder) / "state"), recording=str(recording))
            quoted = {name: json.dumps(value) for name, value in values.items()}
            # slow enough that `/health` comes meanwhile
            speed = min(FASTEST, heard_s / (1.5 * HEALTH_S))
            settings.write_text(SETTINGS.format(node=NODE, port=port, speed=speed, **quoted))
            return _measured(settings, watch, heard_s)


def _measured(settings: Path, watch: _Watch, heard_s: int) -> dict[str, Any]:
    with affectd_run(settings, settings.with_name("log")) as service:
        begin = watch.mark(0.0, service)
        end = watch.mark(begin.heard_s + heard_s, service)
    hours = (end.heard_s - begin.heard_s) / HOUR_S
    health_bytes = watch.health_bytes
    events_bytes = (end.sent_bytes - begin.sent_bytes - watch.n_health * health_bytes) / hours
    every_hour = HOUR_S / HEALTH_S * health_bytes
    return {
        "messages_an_hour": round((end.n_messages - begin.n_messages) / hours),
        "of_them": dict(watch.kinds),
        "sent_bytes_an_hour": round(events_bytes + every_hour),
        "of_it_health": round(every_hour),
        "received_bytes_an_hour": round((end.received_bytes - begin.received_bytes) / hours),
        "stored_body_bytes_an_hour": round(watch.stored_bytes / hours),
    }


class _Watch:
    """Counts what comes, and what goes over the wire."""

    def __init__(self, wire: Link, subscriber: SessionSubscriber) -> None:
        self._wire = wire
        self._subscriber = subscriber
        self.n_health = self.health_bytes = self.stored_bytes = 0
        self.kinds: Counter[str] = Counter()

    def mark(self, from_s: float, service: subprocess.Popen[bytes]) -> _Mark:
        """At the first utterance that ends so late or later."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            assert service.poll() is None, "the service has ended"
            event = self._subscriber.next(1.0)
            if not isinstance(event, Arrived):
                continue
            event.done()
            kind = event.topic.rsplit("/", 1)[-1]
            self.kinds[kind] += 1
            if kind == "health":
                self.n_health += 1
                # with its topic, and what MQTT and TLS put around it
                self.health_bytes = len(event.payload) + len(event.topic) + 40
            else:
                self.stored_bytes += len(event.payload)
            if kind == "utterance":
                end_s = float(json.loads(event.payload)["speech"]["end_s"])
                if end_s >= from_s:
                    if not from_s:
                        self.n_health = self.stored_bytes = 0
                        self.kinds.clear()
                    n_messages = sum(self.kinds.values()) - self.kinds["health"]
                    return _Mark(end_s, self._wire.up_bytes, self._wire.down_bytes, n_messages)
        raise AssertionError("the service says nothing")
