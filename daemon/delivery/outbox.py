"""What was committed and is not yet with the broker, in order. It lives in memory: a restart forgets it."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Callable

from daemon.events import Message


@dataclass(frozen=True)
class Letter:
    """A message as it is published."""

    seq: int
    topic: str
    """Below affectd/<node>/."""
    payload: bytes
    retain: bool
    expiry_s: int | None


class Outbox:
    """A Sink that keeps letters until they are acknowledged. When it is full the oldest go, and are counted.

    Safe for one committing and one delivering thread.
    """

    def __init__(self, boot: str, capacity: int) -> None:
        self.boot = boot
        self._capacity = capacity
        self._letters: deque[Letter] = deque()
        self._lock = threading.Lock()
        self.last_seq = 0
        """Number of the newest letter."""
        self.n_dropped = 0
        """Letters that gave way to newer ones, unacknowledged. The few that were in flight then may arrive all the same."""
        self.on_commit: Callable[[], None] = lambda: None
        """Called after each commit; must not block."""

    def __len__(self) -> int:
        return len(self._letters)

    def commit(self, message: Message) -> int:
        """Number the message and keep it. The sequence number."""
        with self._lock:
            self.last_seq += 1
            seq = self.last_seq
            if len(self._letters) == self._capacity:
                self._letters.popleft()
                self.n_dropped += 1
            self._letters.append(as_letter(message, self.boot, seq))
        self.on_commit()
        return seq

    def after(self, seq: int, limit: int) -> list[Letter]:
        """The oldest letters with a number above `seq`, at most `limit`."""
        with self._lock:
            return list(islice((letter for letter in self._letters if letter.seq > seq), max(0, limit)))

    def delivered(self, seq: int) -> None:
        """The broker has it: forget it."""
        with self._lock:
            for at, letter in enumerate(self._letters):
                if letter.seq == seq:
                    del self._letters[at]
                    return
                if letter.seq > seq:
                    return


def as_letter(message: Message, boot: str, seq: int) -> Letter:
    """The message with its number, as bytes: the same bytes for equal content."""
    body = dict(message.body)
    head = {"schema": body.pop("schema"), "node": body.pop("node"), "source": body.pop("source")}
    text = json.dumps({**head, "boot": boot, "seq": seq, **body}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Letter(seq, message.topic, text.encode(), message.retain, message.expiry_s)
