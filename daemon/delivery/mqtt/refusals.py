"""What to do with letters that the broker does not take: when to try again, and when to give up. No threads, no clock.

A broker may say no in an acknowledgement. Then either the letter is at fault (it may not go there, it is too large): it is
tried a few times more while the queue goes on behind it. Or the broker is (a quota is used up): the queue waits.

A broker may also just hang up, with MQTT 3.1.1 it has no other way. That looks as if it had died, and a broker that dies
must cost no letter. So the letters that were on their way are sent alone, one by one, and the one at which the broker hangs
up is a suspect. Before a suspect is tried again, the broker has to take another publication, of about as many bytes or more,
chosen by lot: whoever hangs up at a certain byte or at random moments does so there, too, and the suspicion is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

OWN_FAULT = {
    0x81: "malformed",
    0x82: "against the protocol",
    0x87: "not authorized",
    0x90: "topic not allowed",
    0x95: "packet too large",
    0x99: "payload not allowed",
    0x9A: "retained messages not supported",
    0x9B: "QoS not supported",
}
"""MQTT's reason codes that speak of the one publication."""
OWN_TRIES = 4
LONGER_EACH_TIME = 5.0
MOST_HELD_BACK = 100
STRIKES = 12
"""So often a suspect has to be the only one that is not taken."""
STRIKES_TOLD = 6
"""When the broker gives a reason that speaks of the publication."""
STRIKES_AGAIN = 3
"""When a letter of that topic was given up like that before."""


@dataclass(frozen=True)
class Held:
    """A letter that was refused, and that the queue goes round."""

    tries: int
    from_s: float
    due_s: float
    """`from_s`; never, while it is on its way."""


@dataclass(frozen=True)
class Suspect:
    """The letter at which the broker hangs up, or for which it refuses to take more."""

    seq: int
    topic: str
    strikes: int = 0


class Refusals:
    """All that was refused and is not settled."""

    def __init__(self, again_s: float) -> None:
        """`again_s`: after the first refusal; later ones wait longer."""
        self._again_s = again_s
        self.held: dict[int, Held] = {}
        """By number: letters that the queue goes round."""
        self.suspect: Suspect | None = None
        self.alone_until = 0
        """Up to this number letters go one by one."""
        self._known: set[tuple[str, int | None]] = set()
        """Topics, with the reason code, of which a letter was given up."""

    def is_known(self, topic: str, code: int) -> bool:
        """A letter on that topic was refused like that, and none was taken since."""
        return (topic, code) in self._known

    def hangs_up_on(self, topic: str) -> bool:
        """A letter on that topic was given up because the broker hung up: the next goes alone."""
        return (topic, None) in self._known

    def connected(self) -> None:
        """A new connection: what the last one has not answered is due again."""
        for seq, held in self.held.items():
            self.held[seq] = replace(held, due_s=min(held.due_s, held.from_s))

    def take_due(self, now_s: float) -> int | None:
        """A letter that was held back long enough; it is not given out again until it is refused again."""
        seq = next((seq for seq, held in self.held.items() if held.due_s <= now_s), None)
        if seq is not None:
            self.held[seq] = replace(self.held[seq], due_s=math.inf)
        return seq

    def next_due_s(self) -> float:
        """When there is one; infinite where none is held back."""
        return min((held.due_s for held in self.held.values()), default=math.inf)

    def taken(self, seq: int, topic: str) -> None:
        """The broker has it."""
        self.held.pop(seq, None)
        self._known = {(known, code) for known, code in self._known if known != topic}
        if self.suspect and self.suspect.seq == seq:
            self.suspect = None

    def forget(self, seq: int) -> None:
        """It is no longer in the outbox."""
        self.held.pop(seq, None)
        if self.suspect and self.suspect.seq == seq:
            self.suspect = None

    def own_fault(self, seq: int, topic: str, code: int, now_s: float) -> list[int]:
        """The letter was refused for its own sake: those to give up, most often none."""
        tries = self.held[seq].tries + 1 if seq in self.held else 1
        if tries >= OWN_TRIES or (topic, code) in self._known:
            self._known.add((topic, code))
            self.forget(seq)
            return [seq]
        again_s = now_s + self._again_s * LONGER_EACH_TIME ** (tries - 1)
        self.forget(seq)
        self.held[seq] = Held(tries, again_s, again_s)
        if len(self.held) <= MOST_HELD_BACK:
            return []
        oldest = min(self.held)
        self.forget(oldest)
        return [oldest]

    def not_now(self, seq: int, topic: str) -> bool:
        """The broker takes no more for now. True: it takes other things, but not this, for the last time."""
        return self._strike(seq, topic, STRIKES)

    def hung_up(self, in_flight: dict[int, str], code: int | None) -> int | None:
        """The broker is gone. `in_flight`: numbers and topics that it has not acknowledged. The one to give up, if any."""
        if not in_flight:
            # whatever it does not like, it is no letter
            self.acquit()
            return None
        if len(in_flight) > 1:
            self.alone_until = max(self.alone_until, *in_flight)
            return None
        seq, topic = next(iter(in_flight.items()))
        self.alone_until = max(self.alone_until, seq)
        limit = STRIKES_AGAIN if self.hangs_up_on(topic) else STRIKES_TOLD if code in OWN_FAULT else STRIKES
        if not self._strike(seq, topic, limit):
            return None
        self._known.add((topic, None))
        return seq

    def acquit(self) -> None:
        """The broker does not take other things either: nothing is known against the suspect."""
        if self.suspect:
            self.suspect = replace(self.suspect, strikes=0)

    def _strike(self, seq: int, topic: str, limit: int) -> bool:
        strikes = self.suspect.strikes + 1 if self.suspect and self.suspect.seq == seq else 1
        self.suspect = Suspect(seq, topic, strikes)
        if strikes < limit:
            return False
        self.forget(seq)
        return True
