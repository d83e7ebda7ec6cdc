"""Carries the letters of the outbox over one connection after the other, in order; what is acknowledged is forgotten there."""

from __future__ import annotations

import logging
import random
from collections import deque
from dataclasses import replace
from typing import Callable

from daemon.delivery.mqtt.connection import Accepted, Connection, Publication
from daemon.delivery.mqtt.refusals import OWN_FAULT, Refusals
from daemon.delivery.mqtt.wrapping import PREFIX, wrapped
from daemon.delivery.outbox import Letter, Outbox

logger = logging.getLogger(__name__)

IN_FLIGHT = 20
AHEAD = 100
"""Letters read from the outbox at a time."""
MOST_OTHERS = 1000
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
MOST_CONTROLS = 32
CONTROL_SHARE = 8
"""Controls have once to so many times the bytes of the suspect."""


class Postman:
    """For the delivery thread alone, but for `hand`. Times are seconds of one monotonic clock."""

    def __init__(
        self,
        outbox: Outbox,
        node: str,
        control: Callable[[], Publication],
        chance: random.Random,
        again_s: float,
        *,
        enveloped: bool = False,
    ) -> None:
        """`control`: what can be published again at any time without harm. `again_s`: until a refused letter is tried again.
        `enveloped`: letters go out as CloudEvents."""
        self.n_refused = 0
        self._enveloped = enveloped
        self._outbox = outbox
        self._node = node
        self._control = control
        self._chance = chance
        self._refusals = Refusals(again_s)
        self._others: deque[Publication] = deque(maxlen=MOST_OTHERS)
        self._granted = Accepted()
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._connection: Connection | None = None
        self._letters: dict[int, Letter] = {}
        self._unanswered: dict[int, bool] = {}
        self._controls: int | None = None
        self._alone = self._rewound = self._finishing = False
        self._ahead: deque[Letter] = deque()
        self._taken_s = self._heard_s = 0.0
        self._last_sent = 0
        self._pause_s = FIRST_PAUSE_S
        self._paused_until_s = 0.0
        self._gaps_to_name = True
        self.n_taken = 0
        """Letters that the broker has taken over this connection."""
        self.n_answered = 0
        """Everything that it has acknowledged or refused."""

    @property
    def idle(self) -> bool:
        """All that can be delivered now is."""
        return len(self._outbox) <= len(self._refusals.held) and not (self._letters or self._unanswered or self._others)

    @property
    def answered(self) -> bool:
        """Nothing is on its way."""
        return not (self._letters or self._unanswered)

    @property
    def finished(self) -> bool:
        """The farewell has been taken, and all that went before it."""
        return self._finishing and self.answered and not self._others

    def silent_s(self, now_s: float) -> float:
        """How long the broker has acknowledged nothing, while it should have."""
        return 0.0 if self.answered else now_s - self._heard_s

    def wait_s(self, now_s: float, answer_s: float, most_s: float) -> float:
        """So long nothing is to be done if nothing happens. `answer_s`: how long the broker may be silent."""
        times = [now_s + most_s]
        if not self.answered:
            times.append(self._heard_s + answer_s)
        if self._paused_until_s > now_s:
            times.append(self._paused_until_s)
        times.append(self._refusals.next_due_s())
        return max(0.0, min(times) - now_s)

    def hand(self, one: Publication) -> None:
        """To be published before the next letter. Any thread; the oldest go where too many wait."""
        self._others.append(one)

    def finish(self, farewell: Publication) -> None:
        """The last of this connection; no letter goes any more, although there may be some."""
        self._others.clear()
        self._others.append(farewell)
        self._finishing = True

    def begin(self, connection: Connection, granted: Accepted, now_s: float) -> None:
        """From now on over this connection; everything that is not acknowledged goes again, from the oldest on."""
        self._others.clear()
        self._connection, self._granted = connection, granted
        self._heard_s = now_s
        self._refusals.connected()

    def ended(self) -> None:
        """The connection is no more."""
        connection, letters = self._connection, {letter.seq: letter.topic for letter in self._letters.values()}
        self._forget_connection()
        if connection is None or connection.ended is None or not connection.hung_up_after_subscription:
            return
        lost = self._refusals.hung_up(letters, connection.ended.code)
        if lost is not None:
            self._give_up(lost, f"the broker {connection.ended.why}")

    # ---- out ----

    def post(self, now_s: float) -> None:
        """Send as much as may be on its way."""
        while self._others and self._room():
            self._send_other(self._others.popleft(), now_s)
        while now_s >= self._paused_until_s and self._room():
            letter = self._next(now_s)
            if letter is None:
                return
            self._send(letter, now_s)

    def _room(self) -> bool:
        open_still = self._connection is not None and self._connection.ended is None
        on_their_way = len(self._letters) + len(self._unanswered)
        return open_still and on_their_way < min(IN_FLIGHT, self._granted.receive_maximum)

    def _next(self, now_s: float) -> Letter | None:
        """The letter that may go now."""
        if self._finishing or (self._letters and (self._alone or self._rewound)):
            return None
        self._rewound = False
        again = self._take_held_back(now_s)
        if again:
            return again
        letter = self._oldest(now_s)
        if letter is None:
            if self._gaps_to_name and not self._letters:
                self._gaps_to_name = False
                self._outbox.name_gaps()
            return None
        refusals = self._refusals
        suspect = refusals.suspect is not None and refusals.suspect.seq == letter.seq
        alone = suspect or letter.seq <= refusals.alone_until or refusals.hangs_up_on(letter.topic)
        if alone and not self.answered:
            return None
        if suspect and not self._controlled(letter, now_s):
            return None
        self._alone = alone
        self._ahead.popleft()
        self._last_sent = letter.seq
        return letter

    def _oldest(self, now_s: float) -> Letter | None:
        """Of those that are not sent, the held back ones left out."""
        may_go_back = self._last_sent > 0 and not self._letters
        while True:
            while self._ahead and self._ahead[0].seq in self._refusals.held:
                self._last_sent = self._ahead.popleft().seq
            if self._ahead:
                return self._ahead[0]
            self._ahead.extend(self._outbox.after(self._last_sent, AHEAD))
            # newer ones may have passed some while the disk could not be read
            if not self._ahead and may_go_back and len(self._outbox) > len(self._refusals.held):
                may_go_back, self._last_sent = False, 0
                self._ahead.extend(self._outbox.after(0, AHEAD))
            self._taken_s = now_s
            if not self._ahead:
                return None

    def _take_held_back(self, now_s: float) -> Letter | None:
        while True:
            seq = self._refusals.take_due(now_s)
            if seq is None:
                return None
            found = self._outbox.after(seq - 1, 1)
            if found and found[0].seq == seq:
                return found[0]
            self._refusals.forget(seq)

    def _controlled(self, suspect: Letter, now_s: float) -> bool:
        """Has the broker taken something else just now? Each time another number of bytes, by lot."""
        if self._controls is None:
            control = self._control()
            least = min(MOST_CONTROLS // 2, 1 + len(suspect.payload) // len(control.payload))
            self._controls = self._chance.randint(least, min(MOST_CONTROLS, CONTROL_SHARE * least))
        while self._controls and self._room():
            self._controls -= 1
            self._send_other(self._control(), now_s, is_control=True)
        if self._controls or not self.answered:
            return False
        self._controls = None
        return True

    def _send_other(self, one: Publication, now_s: float, is_control: bool = False) -> None:
        if self._connection is None:
            return
        mid = self._connection.publish(replace(one, retain=one.retain and self._granted.retain))
        if mid is not None and one.qos:
            self._sent(now_s)
            self._unanswered[mid] = is_control

    def _send(self, letter: Letter, now_s: float) -> None:
        connection, granted = self._connection, self._granted
        if connection is None:
            return
        try:
            one = wrapped(letter, self._node, now_s - self._taken_s, granted.retain, self._enveloped)
            n_bytes = connection.n_bytes(one) if granted.max_packet_bytes else 0
            if granted.max_packet_bytes and n_bytes > granted.max_packet_bytes:
                raise ValueError(f"packet too large: {n_bytes} bytes, the broker takes {granted.max_packet_bytes}")
            mid = connection.publish(one)
        except ValueError as trouble:
            # no broker will ever see it
            self._alone = False
            self.n_refused += 1
            self._refusals.forget(letter.seq)
            self._give_up(letter.seq, str(trouble))
            return
        if mid is not None:
            self._sent(now_s)
            self._letters[mid] = letter

    def _sent(self, now_s: float) -> None:
        if self.answered:
            self._heard_s = now_s

    # ---- back ----

    def acknowledged(self, answers: list[tuple[int, int, str]], now_s: float) -> None:
        """Message id, reason code and its name, as they came."""
        taken = []
        for mid, code, name in answers:
            self._heard_s = now_s
            self.n_answered += 1
            letter = self._letters.pop(mid, None)
            if letter is None:
                self._other_acknowledged(mid, code)
            elif code < 0x80:
                taken.append(letter.seq)
                self._refusals.taken(letter.seq, letter.topic)
            else:
                self._refused(letter, code, name, now_s)
        if taken:
            self.n_taken += len(taken)
            self._pause_s = FIRST_PAUSE_S
            self._gaps_to_name = True
            self._outbox.delivered(taken)

    def _other_acknowledged(self, mid: int, code: int) -> None:
        is_control = self._unanswered.pop(mid, False)
        # one that is not allowed either has still been answered
        if is_control and code >= 0x80 and code not in OWN_FAULT:
            self._refusals.acquit()

    def _refused(self, letter: Letter, code: int, name: str, now_s: float) -> None:
        self.n_refused += 1
        if code in OWN_FAULT:
            # each trouble is said when it begins
            new = letter.seq not in self._refusals.held and not self._refusals.is_known(letter.topic, code)
            level = logging.ERROR if new else logging.DEBUG
            logger.log(level, "the broker refuses seq %d on %s: %s; %s", letter.seq, letter.topic, name, self._advice(code))
            for seq in self._refusals.own_fault(letter.seq, letter.topic, code, now_s):
                self._give_up(seq, name)
            return
        if self._refusals.not_now(letter.seq, letter.topic):
            self._give_up(letter.seq, name)
            return
        logger.warning("the broker takes no more for now (%s): I try again in %g s", name, self._pause_s)
        self._paused_until_s = now_s + self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, 2.0 * self._pause_s)
        self._controls, self._rewound = None, True
        self._ahead.clear()
        self._last_sent = min(self._last_sent, letter.seq - 1)

    def _give_up(self, seq: int, why: str) -> None:
        logger.error("seq %d is put aside, the broker does not take it: %s", seq, why)
        self._gaps_to_name = True
        self._outbox.put_aside(seq, why)

    def _advice(self, code: int) -> str:
        return f"check its access rules for {PREFIX}/{self._node}/#" if code in (0x87, 0x90) else "check its limits"
