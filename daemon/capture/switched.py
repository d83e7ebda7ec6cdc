"""A source that can be switched off: its device is closed then, and opened anew when it is switched on."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Callable

from daemon.capture.live import LiveMicrophone
from daemon.capture.recording import Recording
from daemon.errors import AffectdError
from daemon.events import Block
from daemon.ports import AudioSource

logger = logging.getLogger(__name__)


class SwitchedSource:
    """Opens and closes on the thread that reads, without waiting for a device; the loop cannot tell the rest.

    A recording is paused. Positions go on where they stood: sound that nobody heard takes no time.
    """

    def __init__(
        self, name: str, open_source: Callable[[], AudioSource], on: bool, on_failure: Callable[[str, str], None]
    ) -> None:
        """`on_failure` is told the name and the trouble when the source cannot be opened again: it stays off.

        Raises what `open_source` raises, if it is on.
        """
        self.name = name
        self._open_source = open_source
        self._on_failure = on_failure
        self._wanted = on
        self._source = open_source() if on else None
        self._leaving = False
        self._shift = 0
        self._end_sample = 0
        self.listening = on
        """True until the device is given back, or the recording stands."""
        self.attended = 0
        self._last_attended = -1

    def switch(self, on: bool) -> None:
        """Any thread may ask; the next `read` does it."""
        self._wanted = on

    @property
    def ended(self) -> bool:
        """As the device says; what is closed has not ended."""
        return self.listening and self._source is not None and self._source.ended

    @property
    def hearing(self) -> bool:
        """As the source says; what is off is not expected to."""
        return not self.listening or self._source is None or self._source.hearing

    def device(self) -> dict[str, Any] | None:
        """As the source says; None while it is off."""
        source = self._source
        return source.device() if source is not None and self.listening else None

    def require_right_name(self, longest_s: float) -> None:
        """See `LiveMicrophone`. Raises DeviceError."""
        if isinstance(self._source, LiveMicrophone):
            self._source.require_right_name(longest_s)

    def read(self) -> Block | None:
        """As a source; None when it is off, or was just switched."""
        self._attend()
        if self._leaving or self._wanted != self.listening:
            # what was begun to be closed is closed before anything else
            self._turn(self._wanted and not self._leaving)
            return None
        if not self.listening or self._source is None:
            return None
        block = self._source.read()
        if block is None:
            return None
        block = replace(block, start_sample=block.start_sample + self._shift) if self._shift else block
        self._end_sample = block.end_sample
        return block

    def release(self) -> bool:
        """As the source says."""
        return self._source is None or self._source.release()

    def close(self) -> None:
        """Give the device back, if it is open."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _attend(self) -> None:
        """Count this turn of the loop, if the source's own work goes on, too."""
        if not self.listening or self._source is None or self._leaving:
            self.attended += 1
        elif self._source.attended != self._last_attended:
            self._last_attended = self._source.attended
            self.attended += 1

    def _turn(self, on: bool) -> None:
        if isinstance(self._source, Recording):
            self._source.pause()
        elif on:
            try:
                self._source = self._open_source()
            except AffectdError as trouble:
                self._wanted = False
                logger.warning("source %s stays switched off: %s", self.name, trouble)
                self._on_failure(self.name, str(trouble))
                return
            self._shift = self._end_sample
        else:
            self._leaving = not self.release()
            if self._leaving:
                return
            self._source = None
        self.listening = on
        logger.info("source %s: switched %s", self.name, "on" if on else "off")
