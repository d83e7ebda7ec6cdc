"""What is asked of the service over MQTT: `affectd/<node>/<source>/set` with {"listening": true} or {"listening": false}.

Anything else is refused with a reason, which /health tells, and counted.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import Any, Callable, Mapping

from daemon.capture.switched import SwitchedSource
from daemon.switches import SwitchFile

logger = logging.getLogger(__name__)

WISH = 'want {"listening": true} or {"listening": false}'
MOST_BYTES = 256
MOST_SHOWN = 64
"""Characters of a stranger's text that are told again."""


class Refused(Exception):
    """A command that is not carried out; why."""


class Commands:
    """Carries out what comes in. `received` is for the delivery's thread; whoever opens devices may `refuse`, too."""

    def __init__(
        self,
        sources: Mapping[str, SwitchedSource],
        file: SwitchFile,
        at: Callable[[], str],
        on_change: Callable[[], None],
    ) -> None:
        """`at`: the date. `on_change` is called after each command, carried out or refused; must not block."""
        self._sources = sources
        self._file = file
        self._at = at
        self._on_change = on_change
        self._lock = threading.Lock()
        self._refused: dict[str, str] | None = None
        self._n_carried_out = self._n_refused = 0

    def received(self, topic: str, payload: bytes, retained: bool = False) -> None:
        """A message on .../<source>/set. Never raises.

        A retained one is refused: it would come again after each connection, long after it was meant.
        """
        name = topic.split("/")[-2] if "/" in topic else topic
        try:
            if retained:
                raise Refused("it was retained, and would come again whenever I connect: send it without")
            source = self._sources.get(name)
            if source is None:
                raise Refused(f"there is no such source: there is {', '.join(self._sources) or 'none'}")
            on = wanted(payload)
        except Refused as why:
            self.refuse(name, str(why))
            return
        self._n_carried_out += 1
        logger.info("source %s is to be switched %s by a command", name, "on" if on else "off")
        self._file.turn(name, on)
        source.switch(on)
        self._on_change()

    def refuse(self, source: str, reason: str) -> None:
        """Tell it on /health. Any thread."""
        with self._lock:
            self._n_refused += 1
            self._refused = {"source": source[:MOST_SHOWN], "reason": reason, "at": self._at()}
        logger.warning("a command for source %r is refused: %s", source[:MOST_SHOWN], reason)
        self._on_change()

    def not_opened(self, source: str, trouble: str) -> None:
        """The device could not be opened again: the source stays off, also over a restart."""
        self._file.turn(source, False)
        self.refuse(source, trouble)

    def summary(self) -> dict[str, Any]:
        """For /health: how many, and the newest that was refused, if there was one."""
        with self._lock:
            counts = {"commands": {"carried_out": self._n_carried_out, "refused": self._n_refused}}
            return {**counts, "refused_command": dict(self._refused)} if self._refused else counts


def wanted(payload: bytes) -> bool:
    """True for {"listening": true}. Raises Refused for anything but the two commands there are."""
    if len(payload) > MOST_BYTES:
        raise Refused(f"it has {len(payload)} bytes: {WISH}")
    try:
        body = json.loads(payload.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise Refused(f"it is no JSON: {WISH}") from None
    if not isinstance(body, dict):
        raise Refused(f"it is no object: {WISH}")
    others = [name for name in body if name != "listening"]
    if others:
        raise Refused(f"it has the key {others[0][:MOST_SHOWN]!r}: {WISH}")
    if not isinstance(body.get("listening"), bool):
        raise Refused(f"it has no listening that is true or false: {WISH}")
    return bool(body["listening"])


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise Refused(f"it has a key twice: {WISH}")
    return body
