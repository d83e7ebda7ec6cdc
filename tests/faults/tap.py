"""A TCP relay to a broker that reads along: what was published through it, and what of that the broker acknowledged.

So a sender can be judged where a broker forgets what it has acknowledged.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Iterator, Tuple

from benchmarks.oracle import Key
from tests.fixtures.relay import Passage, Relay

CONNECT, PUBLISH, PUBACK = 1, 3, 4
Packet = Tuple[int, int, bytes]
"""Type, flags, all behind the length."""


class Packets:
    """Cuts a stream of bytes into MQTT's packets."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Those that are whole now."""
        self._bytes += data
        while True:
            size = head = 0
            for at, byte in enumerate(self._bytes[1:5]):
                size |= (byte & 0x7F) << (7 * at)
                if not byte & 0x80:
                    head = at + 2
                    break
            if not head or len(self._bytes) < head + size:
                return
            yield self._bytes[0] >> 4, self._bytes[0] & 0x0F, bytes(self._bytes[head : head + size])
            del self._bytes[: head + size]


class Conversation:
    """What is said in one connection."""

    def __init__(self) -> None:
        self._sent, self._answered = Packets(), Packets()
        self._is_five = False
        self._open: dict[int, Key] = {}

    def sent(self, data: bytes) -> None:
        """From the client."""
        for kind, flags, rest in self._sent.feed(data):
            if kind == CONNECT:
                self._is_five = rest[2 + int.from_bytes(rest[:2], "big")] == 5
            elif kind == PUBLISH and flags & 0x06:
                at = 2 + int.from_bytes(rest[:2], "big")
                body = json.loads(rest[self._payload_at(rest, at + 2) :])
                if "seq" in body:
                    self._open[int.from_bytes(rest[at : at + 2], "big")] = body["boot"], body["seq"]

    def answered(self, data: bytes) -> Iterator[Key]:
        """From the broker: what it acknowledges by that."""
        for kind, _, rest in self._answered.feed(data):
            key = self._open.pop(int.from_bytes(rest[:2], "big"), None) if kind == PUBACK else None
            if key and (len(rest) < 3 or rest[2] < 0x80):
                yield key

    def _payload_at(self, rest: bytes, at: int) -> int:
        """Behind the properties, which MQTT 5 has; they are shorter than 16 KiB here."""
        if not self._is_five:
            return at
        return at + 2 + (rest[at] & 0x7F | rest[at + 1] << 7) if rest[at] & 0x80 else at + 1 + rest[at]


class _Listening(Passage):
    def __init__(self, acknowledged: set[Key]) -> None:
        self._acknowledged = acknowledged
        self._said = Conversation()

    def from_client(self, data: bytes) -> bytes:
        self._said.sent(data)
        return data

    def from_broker(self, data: bytes) -> bytes:
        self._acknowledged.update(self._said.answered(data))
        return data


class Tap:
    """Use it as a context."""

    def __init__(self, broker_port: int) -> None:
        self.acknowledged: set[Key] = set()
        self._relay = Relay(broker_port, lambda: _Listening(self.acknowledged))
        self.port = self._relay.port

    def __enter__(self) -> Tap:
        self._relay.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._relay.close()
