"""The loop of `affectd power-log`: readings and health come in, rows and messages go out, in step with the clock."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from typing import Any, Callable, Mapping, Protocol

from daemon.clock import SystemClock
from daemon.power.choice import choose
from daemon.power.cpu_use import CpuUse
from daemon.power.health import Health, Tally, health_of
from daemon.power.meter import Meter, patience_s
from daemon.power.reading import PowerSource, Reading
from daemon.power.snapshot import AWAY, MEASURED, NONE, Snapshot, body, energy_of, row
from daemon.settings import PowerSettings

logger = logging.getLogger(__name__)

CHOOSE_AGAIN_S = 30.0
FIRST_READING_S = 15.0
LOOK_S = 0.05
STALE_HEALTH_S = 60.0
"""What the service said so long ago says nothing of now: it sends every ten."""


class Rows(Protocol):
    """Where rows go."""

    def write(self, cells: Mapping[str, str]) -> None:
        """One more."""


class PowerLogger:
    """Everything of it but the file and the connection."""

    def __init__(self, settings: PowerSettings, node: str, rows: Rows, publish: Callable[[dict[str, Any]], None]) -> None:
        """Begins to measure. `publish` is given the body of each message."""
        self._settings = settings
        self._node = node
        self._rows = rows
        self._publish = publish
        self._run = secrets.token_hex(4)
        self._clock = SystemClock()
        self._began_s = self._chosen_s = time.monotonic()
        self._published_s = float("-inf")
        self._meter = Meter()
        self._tally = Tally()
        self._cpu = CpuUse()
        self._newest: Reading | None = None
        self._health: Health | None = None
        self._health_lock = threading.Lock()
        self._heard: list[Health] = []
        self._said = ""
        self._source: PowerSource = choose(settings.measure_with, settings.interval_s)

    def hear(self, payload: bytes, retained: bool) -> None:
        """A message on the service's /health. Any thread."""
        found = None if retained else health_of(payload, time.monotonic())
        if found:
            with self._health_lock:
                # only the newest counts where the loop was held up
                self._heard = [found]

    def run(self, stop: threading.Event) -> None:
        """A row each interval, until `stop`. The first waits a little for the first reading, which says what is measured."""
        self.await_reading(stop)
        due_s = time.monotonic()
        while not stop.wait(max(0.0, due_s - time.monotonic())):
            self.step()
            # rows that were missed are not made up for
            due_s = max(due_s + self._settings.interval_s, time.monotonic())

    def await_reading(self, stop: threading.Event) -> None:
        """Until the source has measured something, or does not soon."""
        until_s = time.monotonic() + FIRST_READING_S
        while self._source.name != NONE and time.monotonic() < until_s:
            self._take_readings()
            if self._newest or stop.wait(LOOK_S):
                return

    def step(self) -> Snapshot:
        """One row, and a message where one is due."""
        self._take_readings()
        self._choose_again()
        self._take_health()
        now = self._snapshot()
        self._say(now)
        self._rows.write(row(now))
        every_s, now_s = self._settings.publish_every_s, time.monotonic()
        if every_s and now_s - self._published_s >= every_s - self._settings.interval_s / 2.0:
            self._published_s = now_s
            self._publish(body(now, self._node))
        return now

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()

    def _take_readings(self) -> None:
        for reading in self._source.read():
            self._meter.add(reading)
            self._newest = reading

    def _choose_again(self) -> None:
        """A driver may come late."""
        now_s = time.monotonic()
        if self._source.name != NONE or self._settings.measure_with == NONE or now_s - self._chosen_s < CHOOSE_AGAIN_S:
            return
        self._chosen_s = now_s
        self._source = choose(self._settings.measure_with, self._settings.interval_s)

    def _take_health(self) -> None:
        with self._health_lock:
            heard, self._heard = self._heard, []
        for health in heard:
            self._health = health
            self._tally.take(health, self._meter)

    def _snapshot(self) -> Snapshot:
        now_s = time.monotonic()
        newest, health, name = self._newest, self._health, self._source.name
        if health and now_s - health.heard_s > STALE_HEALTH_S:
            health = None
        is_new = newest is not None and now_s - newest.taken_s <= patience_s(newest)
        state = MEASURED if is_new else NONE if name == NONE else AWAY
        return Snapshot(
            at=self._clock.at(),
            run=self._run,
            elapsed_s=now_s - self._began_s,
            source=name,
            state=state,
            trouble="" if is_new else self._source.trouble or f"{name} does not answer",
            reading=newest if is_new else None,
            cpu_percent=self._cpu.percent(),
            health=health,
            health_age_s=now_s - health.heard_s if health else None,
            **energy_of(self._meter, self._tally),
        )

    def _say(self, now: Snapshot) -> None:
        """What has changed."""
        text = f"{now.source}: {now.trouble}" if now.state == AWAY else now.trouble
        if now.state == NONE:
            text = f"no power source: {text}; CPU use is logged"
        elif now.state == AWAY:
            text = f"{text}; I keep trying, and count no energy meanwhile"
        elif now.reading:
            text = f"power is measured by {now.source}: {now.reading.total_of or 'no watts, but clocks and temperatures'}"
        if text != self._said:
            self._said = text
            logger.log(logging.INFO if now.state == MEASURED else logging.WARNING, "%s", text)
