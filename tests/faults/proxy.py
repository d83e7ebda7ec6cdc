"""A TCP proxy between client and broker that behaves like a broker in trouble: each connection gets a fault of its own."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Callable

from tests.fixtures.relay import HangUp, Passage, Relay


@dataclass(frozen=True)
class Fault:
    """What becomes of one connection. The default is none: everything passes."""

    refuses: bool = False
    """Hang up at once."""
    up_bytes: int | None = None
    """After so many bytes from the client ..."""
    down_bytes: int | None = None
    """... or from the broker ..."""
    then: str = "close"
    """... "close", "reset", "stall" (both are still connected, and nothing passes), or "nonsense" (instead of the broker)."""
    late_s: float = 0.0
    """What the broker says arrives so much later."""


NONE = Fault()
SILENT = Fault(down_bytes=0, then="stall")
"""Accepts, reads, and never answers."""


class FaultyProxy:
    """Use it as a context. `choose` gives each new connection its fault; connections that are there keep theirs."""

    def __init__(self, broker_port: int, choose: Callable[[], Fault], seed: int = 0) -> None:
        self.choose = choose
        self.n_connections = 0
        self._chance = random.Random(seed)
        self._relay = Relay(broker_port, self._passage)
        self.port = self._relay.port

    def __enter__(self) -> FaultyProxy:
        self._relay.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._relay.close()

    def cut(self) -> None:
        """End the connections that there are; the next ones get new faults."""
        self._relay.cut()

    def _passage(self) -> Passage:
        self.n_connections += 1
        return _Faulty(self.choose(), self._chance.getrandbits(8 * 64).to_bytes(64, "big"))


class _Faulty(Passage):
    """One connection, until one side or the fault ends it."""

    def __init__(self, fault: Fault, nonsense: bytes) -> None:
        self._fault = fault
        self._nonsense = nonsense
        self._up_left, self._down_left = fault.up_bytes, fault.down_bytes
        self._lock = threading.Lock()
        self._has_struck = False
        """Both are still connected, and nothing passes."""

    def opened(self) -> None:
        if self._fault.refuses:
            raise HangUp(hard=True)

    def from_client(self, data: bytes) -> bytes:
        with self._lock:
            passing, self._up_left = self._passing(data, self._up_left)
        return passing

    def from_broker(self, data: bytes) -> bytes:
        time.sleep(self._fault.late_s)
        with self._lock:
            passing, self._down_left = self._passing(data, self._down_left)
        return passing

    def _passing(self, data: bytes, left: int | None) -> tuple[bytes, int | None]:
        if self._has_struck:
            return b"", left
        if left is None or (len(data) < left):
            return data, None if left is None else left - len(data)
        if not data:
            return b"", left
        if self._fault.then in ("close", "reset"):
            raise HangUp(data[:left], hard=self._fault.then == "reset")
        self._has_struck = True
        if self._fault.then == "nonsense":
            self.client.sendall(self._nonsense)
        return data[:left], 0
