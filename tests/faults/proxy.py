"""A TCP proxy between client and broker that behaves like a broker in trouble: each connection gets a fault of its own."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Callable

HARD = struct.pack("ii", 1, 0)
"""SO_LINGER: a close is a reset."""
TICK_S = 0.02


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
        self._broker_port = broker_port
        self._chance = random.Random(seed)
        self._ended = threading.Event()
        self._cut = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._ended.set()
        self.cut()
        self._thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End the connections that there are; the next ones get new faults."""
        cut, self._cut = self._cut, threading.Event()
        cut.set()

    def _accept(self) -> None:
        self._listener.settimeout(TICK_S)
        while not self._ended.is_set():
            try:
                client = self._listener.accept()[0]
            except socket.timeout:
                continue
            self.n_connections += 1
            fault = self.choose()
            if fault.refuses:
                _close(client, hard=True)
                continue
            nonsense = self._chance.getrandbits(8 * 64).to_bytes(64, "big")
            relay = _Relay(client, self._broker_port, fault, nonsense, self._cut)
            threading.Thread(target=relay.run, daemon=True).start()


class _Relay:
    """One connection, until one side or the fault ends it."""

    def __init__(self, client: socket.socket, broker_port: int, fault: Fault, nonsense: bytes, ended: threading.Event) -> None:
        self._client = client
        self._broker = socket.create_connection(("127.0.0.1", broker_port))
        self._fault = fault
        self._nonsense = nonsense
        self._ended = ended
        self._left = {self._client: fault.up_bytes, self._broker: fault.down_bytes}
        self._late: list[tuple[float, bytes]] = []

    def run(self) -> None:
        hard = False
        try:
            hard = self._pass_all()
        except OSError:
            pass
        finally:
            _close(self._client, hard)
            # as a broker that dies does: nobody says goodbye on the client's behalf
            _close(self._broker, hard=True)

    def _pass_all(self) -> bool:
        """True when it ends with a reset."""
        while not self._ended.is_set():
            self._pass_late()
            for one in select.select([self._client, self._broker], [], [], TICK_S / 4 if self._late else TICK_S)[0]:
                data = one.recv(4096)
                left = self._left[one]
                passing = data if left is None else data[:left]
                self._forward(one, passing)
                if left is not None:
                    self._left[one] = left - len(passing)
                    if len(passing) < len(data) or left == len(passing):
                        return self._strike()
                if not data:
                    return False
        return False

    def _forward(self, one: socket.socket, data: bytes) -> None:
        if one is self._client:
            self._broker.sendall(data)
        elif self._fault.late_s:
            self._late.append((time.monotonic() + self._fault.late_s, data))
        else:
            self._client.sendall(data)

    def _pass_late(self) -> None:
        while self._late and time.monotonic() >= self._late[0][0]:
            self._client.sendall(self._late.pop(0)[1])

    def _strike(self) -> bool:
        if self._fault.then == "nonsense":
            self._client.sendall(self._nonsense)
        if self._fault.then in ("nonsense", "stall"):
            self._await_hang_up()
        return self._fault.then == "reset"

    def _await_hang_up(self) -> None:
        """The client is still read."""
        while not self._ended.is_set():
            if select.select([self._client], [], [], TICK_S)[0] and not self._client.recv(4096):
                return


def _close(end: socket.socket, hard: bool) -> None:
    try:
        if hard:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        end.close()
