"""Letters for an outbox under test, and what is in it."""

from __future__ import annotations

import json
import threading
from typing import Callable

from daemon.delivery.outbox import Outbox
from daemon.events import Message
from daemon.settings import OutboxSettings

PATIENCE_S = 60.0
PLAIN = OutboxSettings(linger_ms=0.0)
Make = Callable[..., Outbox]
"""Of OutboxSettings and how many letters it begins with."""


def message(number: int = 0, **more: object) -> Message:
    return Message(
        "driver/utterance", {"schema": "affectd/utterance/1", "node": "n", "source": "driver", "number": number, **more}
    )


def fill(outbox: Outbox, n_letters: int) -> None:
    for _ in range(n_letters):
        outbox.commit(message(outbox.last_seq + 1))
    assert outbox.flush(PATIENCE_S)


def seqs(outbox: Outbox, after: int = 0, limit: int = 1000) -> list[int]:
    return [letter.seq for letter in outbox.after(after, limit)]


def gaps(outbox: Outbox) -> list[tuple[int, int, str]]:
    """What the newest gap letter names."""
    body = json.loads([letter for letter in outbox.after(0, 1000) if letter.topic == "gap"][-1].payload)
    assert list(body) == ["schema", "node", "boot", "seq", "at", "gaps"]
    assert (body["schema"], body["node"], body["at"]) == ("affectd/gap/1", "n", "then")
    return [(gap["first_seq"], gap["last_seq"], gap["reason"]) for gap in body["gaps"]]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_S * 100)):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to that")
