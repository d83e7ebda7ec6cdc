"""A sender to be killed: the service's own outbox and delivery, and a loop that commits as fast as a hundred seats.

As a script it writes a line for every batch that `flush` has said to be durable. What it has committed and not said yet
may arrive or not. Each line that comes in on stdin sets its clock forward by so many seconds, from then on.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

ROOT = Path(__file__).parents[2]
NODE = "n0de"
SOURCES = ("driver", "rear")
PATIENCE_S = 60.0
DRAIN_S = 600.0
"""To deliver what has piled up: 100,000 letters where the broker was away for most of the time."""
AT = "2024-05-17T08:00:00.000Z"


@dataclass
class Said:
    """What a sender has said until it ended."""

    durable: list[tuple[str, int, str, str]] = field(default_factory=list)
    """boot, seq, source, content."""
    left: int | None = None
    """Letters that were not delivered when it was told to end; None: it was killed."""


class Sender:
    """Such a process. Use it as a context; it is killed in the end."""

    def __init__(
        self,
        place: Path | None,
        boot: str,
        port: int,
        outbox: Mapping[str, Any] | None = None,
        n_batches: int = 0,
        pause_s: float = 0.02,
    ) -> None:
        """`place`: None forgets, and says that it does not; `outbox`: its settings.

        `n_batches`: so many, 0: no end; `pause_s`: at most so much between two.
        """
        where = str(place) if place else ""
        command = [sys.executable, "-m", "tests.faults.committer", where, boot, str(port), json.dumps(outbox or {})]
        self._child = subprocess.Popen(
            [*command, str(n_batches), str(pause_s)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.said = Said()
        self.n_batches = 0
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def await_batches(self, n_batches: int) -> None:
        """Until so many were said to be durable."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.n_batches >= n_batches or self._ended, PATIENCE_S)
            assert self.n_batches >= n_batches, "it has ended by itself"

    def set_clock(self, forward_s: float) -> None:
        """From now on."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{forward_s}\n")
        self._child.stdin.flush()

    def kill(self) -> Said:
        """SIGKILL; what it had said."""
        self._child.kill()
        return self._wait()

    def end(self) -> Said:
        """SIGTERM: it delivers what is left, says so, and ends."""
        self._child.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self) -> Said:
        self._child.wait(DRAIN_S + PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return self.said

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            # half a line is one that was never said
            if line.endswith("\n"):
                self._take(json.loads(line))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, line: Any) -> None:
        with self._changed:
            if "left" in line:
                self.said.left = line["left"]
            else:
                self.n_batches += 1
                self.said.durable += [(line["boot"], *letter) for letter in line["letters"]]
            self._changed.notify_all()


# ---- the process ----


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("place", "boot"):
        parser.add_argument(name)
    for name, kind in (("port", int), ("outbox", json.loads), ("n_batches", int), ("pause_s", float)):
        parser.add_argument(name, type=kind)
    options = parser.parse_args()
    _fake_the_clock()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    from daemon.delivery.mqtt import MqttDelivery
    from daemon.delivery.outbox import Outbox
    from daemon.settings import BrokerSettings, OutboxSettings

    place = Path(options.place) if options.place else None
    outbox = Outbox(place, options.boot, OutboxSettings(**options.outbox), NODE, lambda: AT)
    delivery = MqttDelivery(BrokerSettings(port=options.port), NODE, outbox, lambda: AT)
    delivery.start()
    chance = random.Random(options.boot)
    n_done = 0
    while not stop.is_set():
        if delivery.connected:
            outbox.name_gaps()
        if not options.n_batches or n_done < options.n_batches:
            _commit(outbox, options.boot, chance, forgetful=place is None)
            n_done += 1
        stop.wait(chance.uniform(0.0, options.pause_s))
    outbox.flush(PATIENCE_S)
    print(json.dumps({"left": delivery.stop(DRAIN_S)}), flush=True)
    outbox.close()


def _commit(outbox: Any, boot: str, chance: random.Random, forgetful: bool) -> None:
    """A batch of some letters, and word of it once they are durable."""
    from daemon.delivery.outbox.letter import as_letter
    from daemon.events import Message
    from tests.faults.recorder import content_of

    letters = []
    for _ in range(chance.randint(1, 20)):
        source, kind = chance.choice(SOURCES), chance.choice(("utterance", "utterance", "state"))
        body = {"schema": f"affectd/{kind}/1", "node": NODE, "source": source, "at": AT, "lot": chance.random()}
        retained = kind == "state"
        message = Message(f"{source}/{kind}", body, retain=retained, expiry_s=300 if retained else None)
        seq = outbox.commit(message)
        letters.append((seq, source, content_of(as_letter(message, boot, seq).payload)))
    if outbox.flush(PATIENCE_S) and (forgetful or not outbox.in_memory):
        print(json.dumps({"boot": boot, "letters": letters}), flush=True)


def _fake_the_clock() -> None:
    """time.time as the lines on stdin say."""
    forward_s, real, real_ns = [0.0], time.time, time.time_ns
    time.time = lambda: real() + forward_s[0]
    time.time_ns = lambda: real_ns() + int(forward_s[0] * 1e9)

    def listen() -> None:
        for line in sys.stdin:
            forward_s[0] += float(line)

    threading.Thread(target=listen, daemon=True).start()


if __name__ == "__main__":
    _main()
