"""What an operator is told of the connection: each trouble when it begins, and then not at every attempt."""

from __future__ import annotations

import logging
import time

from daemon.delivery.mqtt.connection import Ended
from daemon.service.journal import BROKER_BACK, BROKER_LOST, fields

logger = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
DOUBLE = "another client has our name: give each its own [node] name and [broker] client_id"
HINTS = {
    0x85: "check [broker] client_id",
    0x86: "check the user name and the password file",
    0x87: "check the user name and the password file",
    0x8A: "ask its operator",
    0x8E: DOUBLE,
    0x9B: "it must take QoS 1",
}
"""What to do about MQTT's reason codes."""


class Sayings:
    """Of one broker."""

    def __init__(self, where: str, meanwhile: str = "events are kept, I keep trying") -> None:
        """`meanwhile`: what is done while there is no connection."""
        self._where = where
        self._meanwhile = meanwhile
        self._said: dict[str, float] = {}
        self._is_news = True

    def accepted(self, protocol: str) -> None:
        """There is a connection."""
        if self._is_news:
            logger.info("broker %s has accepted (MQTT %s)", self._where, protocol, extra=fields(BROKER_BACK))
        self._is_news = False

    def waiting(self, ended: Ended | None) -> None:
        """An attempt that came to nothing."""
        if ended:
            self._say(f"broker {self._where} {ended.why}{_hint(ended)}: {self._meanwhile}")

    def gone(self, ended: Ended | None, by_turns: bool = False) -> None:
        """A connection that there was; `by_turns`: as several before it, it was soon over."""
        if ended:
            # not all brokers tell who is put out by his double
            hint = _hint(ended) or (f"; again and again: perhaps {DOUBLE}" if by_turns else "")
            self._say(f"the broker {ended.why}{hint}: {self._meanwhile}")

    def _say(self, text: str) -> None:
        now_s = time.monotonic()
        self._said = {said: at_s for said, at_s in self._said.items() if now_s - at_s < SAY_AGAIN_S}
        if text not in self._said:
            self._said[text] = now_s
            self._is_news = True
            logger.warning("%s", text, extra=fields(BROKER_LOST))


def _hint(ended: Ended) -> str:
    return f"; {HINTS[ended.code]}" if ended.code in HINTS else ""
