"""The outbox against a plain model: whatever is done to it in whatever order, no number is forgotten."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.delivery.outbox import Outbox
from daemon.delivery.outbox.letter import Letter, as_letter
from daemon.events import Message
from daemon.settings import OutboxSettings
from tests.faults.form import times

PATIENCE_S = 60.0
AT = "then"


class OutboxMachine(RuleBasedStateMachine):
    """The model: what waits, in order, and what was lost and why. Each step ends with all of it on disk."""

    @initialize(max_bytes=st.sampled_from([1000, 3000, 10**6]), drop=st.sampled_from(["oldest", "newest"]))
    def begin(self, max_bytes: int, drop: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.n_boots = 0
        # what is committed goes to the disk in one write, when it is asked for
        self.settings = OutboxSettings(max_mb=max_bytes / 1e6, drop=drop, linger_ms=10000.0)
        self.waiting: dict[int, Letter] = {}
        self.lost: dict[int, str] = {}
        """Not yet named."""
        self.last = 0
        self.place = Path(self.folder.name) / "0" / "outbox.sqlite"
        self._open()

    def _open(self) -> None:
        self.n_boots += 1
        self.outbox = Outbox(self.place, f"b{self.n_boots}", self.settings, "n", lambda: AT)

    def _flush(self) -> None:
        assert self.outbox.flush(PATIENCE_S)

    def _fit(self, n_new: int) -> None:
        """What the cap makes of it, after `n_new` letters were committed: "newest" means that what is on disk stays."""
        may_go = [seq for seq, letter in self.waiting.items() if letter.topic != "gap"]
        if self.settings.drop == "newest":
            may_go = [seq for seq in reversed(may_go) if seq > self.last - n_new]
        for seq in may_go:
            if sum(letter.n_bytes for letter in self.waiting.values()) <= self.settings.max_bytes:
                break
            del self.waiting[seq]
            self.lost[seq] = "full"

    @rule(sizes=st.lists(st.sampled_from([0, 10, 200, 2000]), min_size=1, max_size=12))
    def commit(self, sizes: list[int]) -> None:
        for size in sizes:
            one = Message("driver/utterance", {"schema": "s", "source": "driver", "text": "x" * size})
            self.last += 1
            assert self.outbox.commit(one) == self.last
            self.waiting[self.last] = as_letter(one, self.outbox.boot, self.last)
        self._flush()
        self._fit(len(sizes))

    @precondition(lambda self: self.waiting)
    @rule(which=st.lists(st.integers(0, 30), max_size=5))
    def delivered(self, which: list[int]) -> None:
        seqs = [list(self.waiting)[number % len(self.waiting)] for number in which]
        self.outbox.delivered([*seqs, self.last + 1, 0])
        for seq in seqs:
            self.waiting.pop(seq, None)
        self._flush()

    @precondition(lambda self: any(letter.topic != "gap" for letter in self.waiting.values()))
    @rule(which=st.integers(0, 30), reason=st.sampled_from(["no", "too large"]))
    def put_aside(self, which: int, reason: str) -> None:
        may = [seq for seq, letter in self.waiting.items() if letter.topic != "gap"]
        seq = may[which % len(may)]
        self.outbox.put_aside(seq, reason)
        del self.waiting[seq]
        self.lost[seq] = f"refused: {reason}"
        self._flush()

    @rule()
    def name_gaps(self) -> None:
        self.outbox.name_gaps()
        self._flush()
        if self.lost:
            self.last += 1
            self.waiting[self.last] = self.outbox.after(self.last - 1, 1)[0]
            assert named(self.waiting[self.last]) == self.lost
            self.lost = {}
            self._fit(1)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self._open()

    @rule()
    def crash(self) -> None:
        copy = self.place.parent.with_name(str(self.n_boots)) / self.place.name
        shutil.copytree(self.place.parent, copy.parent)
        self.outbox.close()
        self.place = copy
        self._open()

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 30), at=st.integers(0, 10000), bit=st.integers(0, 7))
    def flip_a_bit_of_a_letter(self, which: int, at: int, bit: int) -> None:
        """It is found at the next start, and this letter alone is lost."""
        seq = list(self.waiting)[which % len(self.waiting)]
        self.outbox.close()
        with closing(sqlite3.connect(self.place)) as file:
            payload = bytearray(file.execute("SELECT payload FROM letters WHERE seq = ?", (seq,)).fetchone()[0])
            payload[at % len(payload)] ^= 1 << bit
            file.execute("UPDATE letters SET payload = ? WHERE seq = ?", (bytes(payload), seq))
            file.commit()
        self._open()
        self._flush()
        letter = self.waiting.pop(seq)
        if letter.topic == "gap":
            self.lost.update(named(letter))
        self.lost[seq] = "damaged"

    @precondition(lambda self: self.last)
    @rule()
    def lose_the_file(self) -> None:
        """After a clean end it is known exactly how far the numbers had gone; from when on it may go too far back."""
        self.outbox.close()
        self.place.unlink()
        self._open()
        self.outbox.name_gaps()
        self._flush()
        told = named(self.outbox.after(0, 1)[0]) if len(self.outbox) else {}
        owed = {*self.waiting, *self.lost}
        for letter in self.waiting.values():
            owed |= {*named(letter)} if letter.topic == "gap" else set()
        assert owed <= set(told) <= set(range(1, self.last + 1))
        assert set(told.values()) <= {"damaged"}
        self.waiting, self.lost = {}, {}
        if told:
            self.last += 1
            self.waiting = {self.last: self.outbox.after(0, 1)[0]}

    @invariant()
    def it_is_as_the_model(self) -> None:
        if not hasattr(self, "outbox"):
            return
        assert self.outbox.after(0, 10000) == list(self.waiting.values())
        assert (len(self.outbox), self.outbox.last_seq) == (len(self.waiting), self.last)
        assert self.outbox.summary()["bytes"] == sum(letter.n_bytes for letter in self.waiting.values())
        for seq in list(self.waiting)[::5]:
            assert self.outbox.after(seq - 1, 1) == [self.waiting[seq]]

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.folder.cleanup()


def named(letter: Letter) -> dict[int, str]:
    """What a gap letter names, number by number."""
    gaps: Any = json.loads(letter.payload)["gaps"]
    assert gaps == sorted(gaps, key=lambda gap: gap["first_seq"])
    return {seq: gap["reason"] for gap in gaps for seq in range(gap["first_seq"], gap["last_seq"] + 1)}


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(
    max_examples=times(20, 1000), stateful_step_count=times(20, 40), deadline=None, suppress_health_check=list(HealthCheck)
)
