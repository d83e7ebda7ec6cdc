"""`affectd collect`, from the first connection to the end."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from daemon.collect.archive import Archive
from daemon.collect.collector import Collector
from daemon.collect.remarks import Remarks
from daemon.delivery.mqtt.subscriber import SessionSubscriber
from daemon.delivery.subscription import Arrived, Connected, Event, Gone, Refused, Subscription, never_let_in
from daemon.errors import BrokerError, SettingsError
from daemon.listen.reader import numbered_topics
from daemon.settings import BrokerSettings

LOOK_UP_S = 0.2
"""So often a stop and the time to write are looked after."""
MOST_WAITING = 20_000
"""Messages that are not acknowledged: then they are written at once."""
AHEAD = 20
"""So many messages mosquitto sends ahead, unless its `max_inflight_messages` says otherwise."""
SILENT_S = 1.0
"""After so long without a message the broker has no more, or waits for us."""
RETRY_S = 5.0
"""Until a disk that failed is tried again."""


@dataclass(frozen=True)
class Wish:
    """What the caller asked for; None: no end."""

    into: Path
    every_s: float
    """So long messages wait to become a file."""
    n_messages: int | None
    """End after so many written."""
    wait_s: float | None
    """Give up when no connection has come by then."""


def from_topics(settings: BrokerSettings, client_id: str, group: str | None) -> Subscription:
    """All numbered messages, over MQTT."""
    return SessionSubscriber(settings, client_id, numbered_topics(), group, MOST_WAITING)


def from_queue(settings: BrokerSettings, name: str) -> Subscription:
    """What a queue of RabbitMQ's holds, over AMQP."""
    from daemon.collect.amqp import QueueSubscriber

    return QueueSubscriber(settings, name, MOST_WAITING)


def collect(source: Subscription, where: str, wish: Wish, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Until `stop` or what was wished; `where`: the broker's address. Raises BrokerError, SettingsError."""
    try:
        archive = Archive(wish.into)
    except OSError as trouble:
        raise SettingsError(f"--into {wish.into}: cannot be written: {trouble.strerror}") from trouble
    remark = Remarks(say)
    collector = Collector(archive, lambda: datetime.now(timezone.utc), remark)
    with source:
        _Work(source, where, wish, stop, collector, remark).run()
    counts = collector.counts
    more = {
        "came twice": counts.n_again,
        "in quarantine": counts.n_bad - counts.n_thrown_away,
        "thrown away": counts.n_thrown_away,
        "not written, which the broker keeps": collector.n_waiting,
    }
    say(f"{counts.n_written} messages in {counts.n_files} files" + "".join(f", {n} {what}" for what, n in more.items() if n))


class _Work:
    """The loop."""

    def __init__(
        self, source: Subscription, where: str, wish: Wish, stop: threading.Event, collector: Collector, remark: Remarks
    ) -> None:
        self._source = source
        self._where = where
        self._wish = wish
        self._stop = stop
        self._collector = collector
        self._remark = remark
        self._began_s = time.monotonic()
        self._was_connected = False
        self._oldest_s = self._newest_s = self._not_before_s = 0.0

    def run(self) -> None:
        """Until it is over; what came is written then."""
        while not (self._stop.is_set() or self._is_complete()):
            if self._collector.n_waiting >= MOST_WAITING:
                # the disk is in trouble: the broker keeps what we do not take
                self._stop.wait(LOOK_UP_S)
            else:
                self._heard(self._source.next(LOOK_UP_S))
            if self._is_due(time.monotonic()):
                self._flush()
        self._flush()

    def _heard(self, event: Event | None) -> None:
        if isinstance(event, Arrived):
            self._newest_s = time.monotonic()
            if not self._collector.n_waiting:
                self._oldest_s = self._newest_s
            self._collector.take(event)
        elif isinstance(event, Refused):
            raise BrokerError(f"broker {self._where} {event.why}")
        elif isinstance(event, Connected):
            self._was_connected = True
            self._remark(f"collecting from {self._where} ({event.protocol}) into {self._wish.into}. Ctrl-C ends it")
        elif isinstance(event, Gone):
            self._remark(f"broker {self._where} {event.why}; I keep trying")
        wait_s = self._wish.wait_s
        if not self._was_connected and wait_s is not None and time.monotonic() - self._began_s >= wait_s:
            raise never_let_in(self._where, wait_s)

    def _is_complete(self) -> bool:
        """With --count: what waits is enough, and the rest is the broker's."""
        wanted = self._wish.n_messages
        return wanted is not None and self._collector.counts.n_written + self._collector.n_waiting >= wanted

    def _is_due(self, now_s: float) -> bool:
        n_waiting = self._collector.n_waiting
        if not n_waiting or now_s < self._not_before_s:
            return False
        is_old = now_s - self._oldest_s >= self._wish.every_s
        return is_old or n_waiting >= MOST_WAITING or (n_waiting >= AHEAD and now_s - self._newest_s >= SILENT_S)

    def _flush(self) -> None:
        trouble = self._collector.flush()
        if trouble is not None:
            self._not_before_s = time.monotonic() + RETRY_S
            self._remark(
                f"{self._wish.into} cannot be written: {os.strerror(trouble.errno or 0)}; the broker keeps what is not "
                f"written, I try again every {RETRY_S:g} s"
            )
