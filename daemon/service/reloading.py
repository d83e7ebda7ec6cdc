"""New settings for a service that runs (SIGHUP): read, checked, and the model opened beside it. A bad file changes nothing."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Callable

from daemon.errors import AffectdError, SettingsError
from daemon.preparing import Prepared
from daemon.service.journal import SETTINGS_REFUSED, fields
from daemon.service.notify import Notifier
from models.errors import ModelError

logger = logging.getLogger(__name__)


class Reloader:
    """Its thread prepares while the service goes on; whoever runs that takes what is ready, and makes another of it."""

    def __init__(self, path: Path, prepare: Callable[[Path], Prepared], notifier: Notifier) -> None:
        """`prepare` raises AffectdError or ModelError for a file that is of no use."""
        self._path = path
        self._prepare = prepare
        self._notifier = notifier
        self._ready: Prepared | None = None
        # put() may be called from a signal's handler, whatever that has interrupted
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.hold_back: Callable[[], str] = lambda: ""
        """Why there must be no change just now; "": there may."""
        threading.Thread(target=self._run, name="settings", daemon=True).start()

    def ask(self) -> None:
        """Read the file again. From a signal's handler, too."""
        self._asked.put(None)

    @property
    def has_new(self) -> bool:
        """Something is ready to be taken."""
        return self._ready is not None

    def take(self) -> Prepared | None:
        """What is ready, once."""
        ready, self._ready = self._ready, None
        return ready

    def refuse(self, trouble: Exception) -> None:
        """The service goes on as it was, and says why."""
        remark = f"new settings refused: {trouble}"
        logger.error("%s; the old ones stay", remark, extra=fields(SETTINGS_REFUSED))
        self._notifier.remark(remark)

    def _run(self) -> None:
        while True:
            self._asked.get()
            while not self._asked.empty():
                # asked twice, read once
                self._asked.get()
            self._notifier.reloading()
            try:
                self._reload()
            except (AffectdError, ModelError) as trouble:
                self.refuse(trouble)
                self._notifier.unchanged()
            except Exception as trouble:
                # whatever it is, it is no reason to hear nothing any more
                logger.exception("new settings cannot be prepared")
                self.refuse(trouble)
                self._notifier.unchanged()

    def _reload(self) -> None:
        """Raises AffectdError, ModelError."""
        prepared = self._prepare(self._path)
        reason = self.hold_back()
        if reason:
            raise SettingsError(reason)
        self._notifier.remark("")
        logger.info("new settings: %s", self._path)
        self._ready = prepared
