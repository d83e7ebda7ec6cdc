"""The outbox at work: what was committed to it, and what a subscriber has got of that."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

from benchmarks.oracle import Gap, Item, Verdict, judge
from daemon.delivery.outbox import Letter, Outbox
from daemon.events import Message

PATIENCE_S = 60.0


@dataclass
class Life:
    """What was committed, and what a subscriber has got of it."""

    committed: list[Item] = field(default_factory=list)
    received: list[Item] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    """Numbers that the broker will never have, however often they are sent."""

    def commit(self, outbox: Outbox, chance: random.Random, n_letters: int) -> None:
        """Some letters, durable when this returns."""
        for _ in range(n_letters):
            body = {"schema": "s", "source": "driver", "text": "ä" * chance.choice((0, 30, 300, 300, 3000))}
            seq = outbox.commit(Message("driver/utterance", body))
            content = json.dumps({"schema": "s", "source": "driver", "boot": outbox.boot, "seq": seq, "text": body["text"]})
            self.committed.append(Item(outbox.boot, seq, "driver", content))
            if chance.random() < 0.1:
                assert outbox.flush(PATIENCE_S)
        assert outbox.flush(PATIENCE_S)

    def deliver(self, outbox: Outbox, n_letters: int) -> None:
        """The oldest few arrive."""
        for letter in outbox.after(0, n_letters):
            if letter.seq in self.refused:
                outbox.put_aside(letter.seq, "too large")
            else:
                self.take(letter)
                outbox.delivered([letter.seq])

    def take(self, letter: Letter) -> None:
        """A subscriber gets a letter."""
        body = json.loads(letter.payload)
        if letter.topic == "gap":
            self.gaps += [Gap(**gap) for gap in body["gaps"]]
            self.received.append(Item(letter.boot, letter.seq, "", "gap"))
        else:
            assert body["seq"] == letter.seq
            assert letter.payload == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            self.received.append(Item(letter.boot, letter.seq, "driver", json.dumps(body)))

    def verdict(self) -> Verdict:
        return judge(self.committed, self.received, self.gaps)
