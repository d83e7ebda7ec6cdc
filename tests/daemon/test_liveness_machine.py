"""Whatever happens to a microphone: it keeps to the documented table, and is never given up."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.capture.liveness import (
    FAILED,
    HEALTHY,
    LATE_S,
    LONGEST_LOOK_S,
    LOST,
    OPENING_S,
    RECOVERING,
    STALLED,
    WAITS_S,
    Liveness,
)
from tests.daemon.microphone_life import FOLLOWS, Microphone


class AnyLife(RuleBasedStateMachine):
    """Whatever happens to a microphone, in whatever order whoever captures can tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.microphone = Microphone()
        self.open = False
        self.unheard_s = 0.0
        self.before = RECOVERING
        self.counts = self.microphone.counts.as_dict()

    @property
    def liveness(self) -> Liveness:
        return self.microphone.liveness

    def due(self) -> bool:
        return self.liveness.wait_s(self.microphone.now_s) == 0.0

    @precondition(due)
    @rule()
    def it_is_tried(self) -> None:
        self.open = True
        self.unheard_s = 0.0
        self.liveness.attempted(self.microphone.now_s)

    @precondition(lambda self: self.open)
    @rule(zeros=st.booleans(), age_s=st.sampled_from([0.0, 0.1, LATE_S, LATE_S + 1.0, 30.0]), n=st.integers(1, 400))
    def sound_comes(self, zeros: bool, age_s: float, n: int) -> None:
        for _ in range(n):
            self.microphone.hear(0.02, zeros, age_s)
            self.follow()
        assert self.liveness.hears is (age_s <= LATE_S)

    @precondition(lambda self: self.open)
    @rule(gone=st.booleans())
    def it_ends(self, gone: bool) -> None:
        self.open = False
        (self.liveness.lost if gone else self.liveness.failed)(self.microphone.now_s, "so it is")

    @rule(look_s=st.floats(0.0, 2 * LONGEST_LOOK_S), n=st.integers(1, 100))
    def time_passes(self, look_s: float, n: int) -> None:
        for _ in range(n):
            self.microphone.now_s += look_s
            self.unheard_s += min(look_s, LONGEST_LOOK_S)
            self.liveness.passed(self.microphone.now_s)
            self.follow()

    def follow(self) -> None:
        """Between two states there is a line in the table."""
        state = self.liveness.state
        assert state == self.before or state in FOLLOWS[self.before], f"{self.before} -> {state}"
        self.before = state

    @invariant()
    def it_keeps_to_the_table(self) -> None:
        self.follow()

    @invariant()
    def it_is_never_given_up(self) -> None:
        wait_s = self.liveness.wait_s(self.microphone.now_s)
        if self.liveness.hears:
            assert wait_s is None
        elif self.liveness.state != RECOVERING:
            assert wait_s is not None
            assert wait_s <= WAITS_S[-1]
        elif wait_s is None:
            assert self.unheard_s <= OPENING_S + LONGEST_LOOK_S

    @invariant()
    def it_is_deaf_if_and_only_if_it_should_hear_and_does_not(self) -> None:
        if self.liveness.hears:
            assert not self.liveness.deaf
        if self.liveness.state in (STALLED, LOST, FAILED):
            assert self.liveness.deaf

    @invariant()
    def a_reason_is_given_for_all_that_is_wrong(self) -> None:
        assert bool(self.liveness.reason) is (self.liveness.state != HEALTHY)

    @invariant()
    def no_count_falls(self) -> None:
        now = self.microphone.counts.as_dict()
        assert all(now[name] >= before for name, before in self.counts.items())
        self.counts = now


TestAnyLife = AnyLife.TestCase
