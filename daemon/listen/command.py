"""`affectd listen`, from the first connection to the end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Callable

from daemon.delivery.mqtt.subscriber import SessionSubscriber
from daemon.delivery.subscription import Arrived, Connected, Gone, Refused, never_let_in
from daemon.errors import BrokerError
from daemon.listen.lines import Form
from daemon.listen.reader import ANY, Reader, numbered_topics
from daemon.settings import BrokerSettings

LOOK_UP_S = 0.2
"""So often a stop, an end and what is missing are looked after."""
SAY_AGAIN_S = 60.0


@dataclass(frozen=True)
class Wish:
    """What the caller asked for; None: no end."""

    client_id: str
    node: str | None
    kinds: tuple[str, ...]
    n_messages: int | None
    """End after so many shown."""
    for_s: float | None
    """End after so long, counted from the first connection."""
    wait_s: float | None
    """Give up when no connection has come by then."""
    group: str | None = None
    """Who shares the messages with us: of a node's numbers we see some, and say of none that it is missing."""


def listen(
    settings: BrokerSettings,
    wish: Wish,
    form: Form,
    stop: threading.Event,
    write: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Until `stop` or what was wished. Raises BrokerError, SettingsError, and what `write` raises."""
    reader = Reader(form, wish.kinds, write, time.monotonic)
    topics = [*numbered_topics(wish.node), f"affectd/{wish.node or ANY}/availability"]
    talk = _Talk(f"{settings.host}:{settings.port}", say)
    with SessionSubscriber(settings, wish.client_id, topics, wish.group) as subscriber:
        began_s = time.monotonic()
        first_connected_s: float | None = None
        while not (stop.is_set() or _is_over(wish, reader, first_connected_s)):
            event = subscriber.next(LOOK_UP_S)
            if isinstance(event, Arrived):
                reader.receive(event.payload, event.retained)
                # only now: what was not written comes again
                event.done()
            elif isinstance(event, Refused):
                raise BrokerError(f"broker {talk.where} {event.why}")
            elif isinstance(event, Connected):
                first_connected_s = time.monotonic() if first_connected_s is None else first_connected_s
                talk.connected(event, wish.client_id)
            elif isinstance(event, Gone):
                reader.ledger.away()
                talk.gone(event.why)
            if first_connected_s is None and wish.wait_s is not None and time.monotonic() - began_s >= wish.wait_s:
                raise never_let_in(talk.where, wish.wait_s)
            if wish.group is None:
                reader.tell_missing()
    if wish.group is None:
        reader.tell_missing(everything=True)
    talk.sum_up(reader)


def _is_over(wish: Wish, reader: Reader, first_connected_s: float | None) -> bool:
    if wish.n_messages is not None and reader.n_shown >= wish.n_messages:
        return True
    return wish.for_s is not None and first_connected_s is not None and time.monotonic() - first_connected_s >= wish.for_s


class _Talk:
    """What a person is told beside the messages: each trouble when it begins, and then once a minute."""

    def __init__(self, where: str, say: Callable[[str], None]) -> None:
        self.where = where
        self._say = say
        self._said: str | None = None
        self._said_s = 0.0

    def connected(self, event: Connected, client_id: str) -> None:
        kept = "; it has kept for us what came meanwhile" if event.resumed else ""
        self._said = None
        self._say(f"listening at {self.where} (MQTT {event.protocol}) as {client_id}{kept}. Ctrl-C ends it")

    def gone(self, why: str) -> None:
        now_s = time.monotonic()
        if why != self._said or now_s - self._said_s >= SAY_AGAIN_S:
            self._said, self._said_s = why, now_s
            self._say(f"broker {self.where} {why}; I keep trying")

    def sum_up(self, reader: Reader) -> None:
        ledger = reader.ledger
        counts = {
            "came twice": ledger.n_again,
            "dropped by the sender": ledger.n_dropped,
            "missing": ledger.n_missing,
            "on our topics, but no message of affectd": reader.n_foreign,
        }
        more = "".join(f", {count} {what}" for what, count in counts.items() if count)
        shown = "1 message" if reader.n_shown == 1 else f"{reader.n_shown} messages"
        self._say(shown + more)
