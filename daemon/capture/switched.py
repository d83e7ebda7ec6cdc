"""A source that can be switched off: its device is closed then, and opened anew when it is switched on."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Callable

from daemon.capture.recording import Recording
from daemon.errors import AffectdError
from daemon.events import Block
from daemon.ports import AudioSource

logger = logging.getLogger(__name__)


class SwitchedSource:
    """Opens and closes on the thread that reads, so that no device is closed under a read; the loop cannot tell the rest.

    A recording is paused. Positions go on where they stood: sound that nobody heard takes no time.
    """

    def __init__(
        self, name: str, open_source: Callable[[], AudioSource], on: bool, on_failure: Callable[[str, str], None]
    ) -> None:
        """`on_failure` is told the name and the trouble when the device cannot be opened again: the source stays off.

        Raises what `open_source` raises, if it is on.
        """
        self.name = name
        self._open_source = open_source
        self._on_failure = on_failure
        self._wanted = on
        self._source = open_source() if on else None
        self._shift = 0
        self._end_sample = 0
        self.listening = on
        """True while the device is open, or the recording runs."""

    def switch(self, on: bool) -> None:
        """Any thread may ask; the next `read` does it."""
        self._wanted = on

    @property
    def ended(self) -> bool:
        """As the device says; what is closed has not ended."""
        return self.listening and self._source is not None and self._source.ended

    def read(self) -> Block | None:
        """As a source; None when it is off, or was just switched."""
        if self._wanted != self.listening:
            self._turn(self._wanted)
            return None
        if not self.listening or self._source is None:
            return None
        block = self._source.read()
        if block is None:
            return None
        block = replace(block, start_sample=block.start_sample + self._shift) if self._shift else block
        self._end_sample = block.end_sample
        return block

    def close(self) -> None:
        """Give the device back, if it is open."""
        if self._source is not None:
            self._source.close()
            self._source = None

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
            self.close()
        self.listening = on
        logger.info("source %s: switched %s", self.name, "on" if on else "off")
