"""What systemd is told: that the service is ready, what it does, that it is alive. Nothing, where nobody asks for it."""

from __future__ import annotations

import logging
import os
import time
from typing import Callable, Mapping

from daemon.errors import SettingsError

logger = logging.getLogger(__name__)

Send = Callable[[str], object]
"""Takes a message of sd_notify(3). Raises OSError where it does not arrive."""

LONGEST_STATUS = 500
"""Characters; the manager would take more, nobody reads them."""


class Notifier:
    """Speaks to the service manager. Any thread may; nothing here raises once it is made."""

    def __init__(self, send: Send | None = None, watchdog_s: float | None = None) -> None:
        """`send` None: nobody listens. `watchdog_s`: so soon after `alive` the next one is wanted; None: none is."""
        self._send = send
        self._failed = self._is_ready = False
        self._remark = self._status = self._told = ""
        self.watchdog_s = watchdog_s

    def ready(self) -> None:
        """The service does what it is there for: after its start, and after new settings."""
        self._is_ready = True
        self._tell("READY=1")

    def status(self, text: str) -> None:
        """What it does, for `systemctl status`."""
        self._status = text
        self._say()

    def remark(self, text: str) -> None:
        """What stands before the status from now on; "": nothing."""
        self._remark = text
        self._say()

    def alive(self) -> None:
        """The watchdog need not fire for `watchdog_s`."""
        self._tell("WATCHDOG=1")

    def watch(self, within_s: float) -> None:
        """From now on `alive` is wanted within this time, until another is said."""
        if self.watchdog_s is not None:
            self._tell(f"WATCHDOG_USEC={_microseconds(within_s)}", "WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """What is going on (the start, a stop) may take so much longer, counted from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={_microseconds(seconds)}")

    def reloading(self) -> None:
        """New settings are being looked at. `unchanged` ends that, or `changing` and then `ready`."""
        if self._is_ready:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def unchanged(self) -> None:
        """They are of no use. A service that was not ready then is not ready now."""
        if self._is_ready:
            self._tell("READY=1")

    def changing(self, within_s: float) -> None:
        """The service that was ready gives way to another, which may take so long to be `alive`."""
        self._is_ready = False
        self.watch(within_s)

    def stopping(self) -> None:
        """The service ends."""
        self._tell("STOPPING=1", "STATUS=ending")

    def _say(self) -> None:
        """Only what is new."""
        text = " ".join("; ".join(filter(None, (self._remark, self._status))).split())[:LONGEST_STATUS]
        if text != self._told:
            self._told = text
            self._tell(f"STATUS={text}")

    def _tell(self, *lines: str) -> None:
        if self._send is None:
            return
        try:
            self._send("\n".join(lines))
        except OSError as trouble:
            if not self._failed:
                logger.warning("systemd cannot be told how the service is: $NOTIFY_SOCKET: %s", trouble.strerror or trouble)
            self._failed = True


def from_environment(environment: Mapping[str, str] = os.environ) -> Notifier:
    """The notifier of this process, as its manager wants it. Raises SettingsError where what speaks to it is not installed."""
    if not environment.get("NOTIFY_SOCKET"):
        return Notifier()
    try:
        from systemd.daemon import notify
    except ImportError as missing:
        raise SettingsError(
            "systemd waits for word from this service ($NOTIFY_SOCKET), and systemd-python is not installed: type "
            "`sudo apt install libsystemd-dev pkg-config gcc python3-dev` and `pip install 'affectd[systemd]'`"
        ) from missing
    return Notifier(notify, _watchdog_s(environment))


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """None where no watchdog is set, or another process is to feed it."""
    wanted = environment.get("WATCHDOG_USEC", "")
    if not wanted.isdigit() or int(wanted) == 0:
        return None
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wanted) / 1e6


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
