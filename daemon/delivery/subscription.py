"""A subscription to a broker, however it is read from: what it tells, and the thread that comes back to one that was lost."""

from __future__ import annotations

import queue
import random
import threading
from dataclasses import dataclass
from typing import Callable, TypeVar, Union

from daemon.errors import BrokerError

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 10.0

Self = TypeVar("Self", bound="Subscription")


@dataclass(frozen=True)
class Arrived:
    """A message. It is the broker's until `done` is called, and comes again in the next connection if that never happens."""

    topic: str
    payload: bytes
    retained: bool
    done: Callable[[], None]


@dataclass(frozen=True)
class Connected:
    """The broker has let us in, and subscribed us."""

    protocol: str
    resumed: bool
    """It has kept a session of ours."""


@dataclass(frozen=True)
class Gone:
    """There is no connection, or none yet; more attempts are made."""

    why: str
    """Goes on after "broker ...", as does that of Refused."""


@dataclass(frozen=True)
class Refused:
    """The broker does not want us, and will not the next time either."""

    why: str


Event = Union[Arrived, Connected, Gone, Refused]


class Subscription:
    """Connects, and again whenever the connection is lost; what happens is read from `next`. Use it as a context."""

    def __init__(self, name: str, leave_s: float) -> None:
        """`name`: of the thread; `leave_s`: so long its end is waited for."""
        self._events: queue.Queue[Event] = queue.Queue()
        self._ending = threading.Event()
        self._pause_s = FIRST_RETRY_S
        self._leave_s = leave_s
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self: Self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._ending.set()
        self._hang_up()
        # it may hang in an attempt to connect: it is left behind then
        self._thread.join(self._leave_s)

    def next(self, patience_s: float) -> Event | None:
        """What happened next; None when nothing has for so long."""
        try:
            return self._events.get(timeout=patience_s)
        except queue.Empty:
            return None

    def _hang_up(self) -> None:
        """From another thread than that which works."""
        raise NotImplementedError

    def _work(self) -> None:
        """Until `_ending` is set."""
        raise NotImplementedError

    def _wait(self, was_good: bool) -> None:
        """Before the next attempt, longer each time; the last connection may have been a good one."""
        if was_good:
            self._pause_s = FIRST_RETRY_S
        # all who have lost the same broker do not come back at once
        self._ending.wait(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(2.0 * self._pause_s, LONGEST_RETRY_S)


def never_let_in(where: str, wait_s: float) -> BrokerError:
    """Of a broker that was waited for so long."""
    return BrokerError(f"broker {where} has not let us in for {wait_s:g} s: is it running, and at this address?")
