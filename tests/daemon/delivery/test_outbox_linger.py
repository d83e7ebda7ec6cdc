"""When a letter goes to the disk: at once where it comes alone, else with those that come soon after a write."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from daemon.delivery.outbox import Outbox, writer
from daemon.settings import OutboxSettings
from tests.daemon.delivery.letters import PATIENCE_S, fill, message, seqs, until

LINGER_S = 10.0


class Hands:
    """A clock that goes on when it is told to: the writer's."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(writer, "time", hands)
    return hands


@pytest.fixture
def outbox(place: Path, hands: Hands) -> Iterator[Outbox]:
    """One that was written to a moment ago."""
    outbox = Outbox(place, "b00t", OutboxSettings(linger_ms=LINGER_S * 1e3), "n", lambda: "then")
    fill(outbox, 1)
    yield outbox
    outbox.close()


def test_a_letter_that_comes_alone_is_written_at_once(outbox: Outbox, hands: Hands) -> None:
    hands.now_s += 2 * LINGER_S
    outbox.commit(message())
    hands.now_s += writer.TURN_S
    until(lambda: seqs(outbox) == [1, 2])


def test_what_is_said_in_one_turn_goes_in_one_write(outbox: Outbox, hands: Hands) -> None:
    writes: list[list[int]] = []
    outbox.on_commit = lambda: writes.append(seqs(outbox))
    hands.now_s += 2 * LINGER_S
    outbox.commit(message())
    outbox.commit(message())
    hands.now_s += writer.TURN_S
    until(lambda: bool(writes))
    assert writes == [[1, 2, 3]]


def test_what_comes_soon_after_a_write_goes_together(outbox: Outbox, hands: Hands) -> None:
    writes: list[list[int]] = []
    outbox.on_commit = lambda: writes.append(seqs(outbox))
    outbox.commit(message())
    hands.now_s += LINGER_S / 2
    outbox.commit(message())
    assert seqs(outbox) == [1]
    assert outbox.flush(PATIENCE_S)
    until(lambda: bool(writes))
    assert writes == [[1, 2, 3]]
