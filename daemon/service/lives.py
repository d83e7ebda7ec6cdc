"""The service's lives within one process: each ends with new settings, the last as it was asked to."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass
from functools import partial
from typing import Callable

from daemon.errors import AffectdError
from daemon.preparing import Prepared
from daemon.serve import Service
from daemon.service.notify import Notifier
from daemon.service.reloading import Reloader
from models.errors import ModelError

CHANGE_S = 60.0
"""The watchdog's patience while one service ends and the next begins; each step of that has an end of its own."""
FAREWELL_S = 1.0
"""For what is left to deliver then: the next service delivers it, so nobody waits for a broker that is away."""


@dataclass
class Asked:
    """Whether the service that runs is to end. Read by its loop at every turn."""

    stop: threading.Event
    reloader: Reloader

    def is_set(self) -> bool:
        """As a `Stop`."""
        return self.stop.is_set() or self.reloader.has_new


def live(first: Prepared, asked: Asked, notifier: Notifier, settled: Callable[[], None]) -> None:
    """Serve until it is asked to stop, or every recording has ended. Raises AffectdError, ModelError.

    Settings with which no service can be made are refused, and the last good ones serve on. `settled` is called when a
    service is there, before it begins.
    """
    good, current = first, first
    while True:
        try:
            service = Service(current.settings, current.model, notifier)
        except (AffectdError, ModelError) as trouble:
            if current is good:
                raise
            asked.reloader.refuse(trouble)
            current = good
            continue
        with service:
            good = current
            asked.reloader.hold_back = partial(hold_back, service)
            settled()
            service.run(asked)
            if asked.stop.is_set() or not asked.reloader.has_new:
                notifier.stopping()
                return
            notifier.changing(CHANGE_S)
            service.farewell_s = FAREWELL_S
        current = asked.reloader.take() or good
        # the one that has ended was frozen, too
        gc.unfreeze()
        gc.collect()


def hold_back(service: Service) -> str:
    """What waits in memory alone would be lost with the service."""
    n_waiting = len(service.outbox)
    if n_waiting and service.outbox.in_memory:
        return f"{n_waiting} messages wait in memory alone, as the disk cannot be written: they would be lost by the change"
    return ""
