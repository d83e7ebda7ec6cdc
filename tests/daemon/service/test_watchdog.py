"""The watchdog against a clock that stands still unless it is moved: when it is fed, and when the service is ready."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from daemon.service.notify import Notifier
from daemon.service.watchdog import ENDED, GONE, HEARD, OFF, OPENING, Ear, Watchdog

WITHIN_S = 10.0


@dataclass
class World:
    """A service: its sources, what the model has answered, and what systemd was told."""

    ears: list[Ear] = field(default_factory=lambda: [Ear("driver", HEARD, 1)])
    answers: int = 0
    trials: int = 0
    now_s: float = 0.0
    told: list[str] = field(default_factory=list)
    watchdog_s: float | None = WITHIN_S

    def __post_init__(self) -> None:
        notifier = Notifier(lambda text: self.told.extend(text.splitlines()), self.watchdog_s)
        self.watchdog = Watchdog(
            notifier, lambda: self.ears, lambda: self.answers, self.trial, lambda: "listening", lambda: self.now_s
        )

    def trial(self) -> None:
        self.trials += 1

    def hear(self, name: str = "driver") -> None:
        """A block of this source."""
        self.ears = [replace(ear, progress=ear.progress + 1) if ear.name == name else ear for ear in self.ears]

    def pass_s(self, seconds: float) -> int:
        """The loop turns once, so much later; how often the watchdog was fed then."""
        before = self.told.count("WATCHDOG=1")
        self.now_s += seconds
        self.watchdog.turned()
        return self.told.count("WATCHDOG=1") - before


def fed() -> World:
    """A service that is ready, and has just fed the watchdog."""
    world = World()
    world.watchdog.turned()
    assert "READY=1" in world.told
    return world


def test_it_is_fed_while_sound_and_answers_come() -> None:
    world = fed()
    for _ in range(20):
        world.hear()
        world.answers += 1
        assert world.pass_s(WITHIN_S / 3.0) == 1
    assert world.trials == 1, "the one before it was ready"


def test_it_is_fed_several_times_within_its_time_and_not_at_each_turn() -> None:
    world = fed()
    times = 0
    for _ in range(1000):
        world.hear()
        times += world.pass_s(WITHIN_S / 1000.0)
    assert 2 <= times <= 4


def test_without_sound_it_starves() -> None:
    world = fed()
    for _ in range(20):
        world.answers += 1
        assert world.pass_s(WITHIN_S / 3.0) == 0


def test_one_source_that_nobody_sees_to_starves_it() -> None:
    world = World([Ear("driver", HEARD, 1), Ear("rear", GONE, 1)])
    world.watchdog.turned()
    for _ in range(20):
        world.hear("driver")
        assert world.pass_s(WITHIN_S / 3.0) == 0


def test_a_device_that_is_away_and_tried_again_does_not_starve_it() -> None:
    world = World([Ear("driver", HEARD, 1), Ear("rear", GONE, 1)])
    world.watchdog.turned()
    for _ in range(20):
        world.hear("driver")
        world.hear("rear")
        assert world.pass_s(WITHIN_S / 3.0) == 1


@pytest.mark.parametrize("state", [OFF, ENDED])
def test_what_is_switched_off_or_over_need_not_move(state: str) -> None:
    world = World([Ear("driver", HEARD, 1), Ear("rear", state, 1)])
    world.watchdog.turned()
    world.hear("driver")
    assert world.pass_s(WITHIN_S / 3.0) == 1


def test_while_nobody_speaks_a_trial_proves_that_the_model_answers() -> None:
    world = fed()
    for n in range(1, 5):
        world.hear()
        assert world.pass_s(WITHIN_S / 3.0) == 1
        assert world.trials == 1 + n
    world.answers += 1
    world.hear()
    assert world.pass_s(WITHIN_S / 3.0) == 1
    assert world.trials == 5, "what was heard has been answered: no trial is needed"


def test_a_trial_that_fails_feeds_nothing() -> None:
    world = fed()

    def fail() -> None:
        raise RuntimeError("no answer")

    world.hear()
    world.watchdog._trial = fail
    with pytest.raises(RuntimeError, match="no answer"):
        world.pass_s(WITHIN_S)
    assert world.told.count("WATCHDOG=1") == fed().told.count("WATCHDOG=1")


def test_the_first_feed_ends_the_patience_of_a_change() -> None:
    assert fed().told[:2] == [f"WATCHDOG_USEC={WITHIN_S * 1e6:.0f}", "WATCHDOG=1"]


def test_without_a_watchdog_it_is_never_fed_and_the_model_tried_once() -> None:
    world = World(watchdog_s=None)
    for _ in range(20):
        world.hear()
        assert world.pass_s(WITHIN_S) == 0
    assert world.trials == 1
    assert "READY=1" in world.told


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ([HEARD], True),
        ([HEARD, HEARD], True),
        ([HEARD, OPENING], False),
        ([OPENING], False),
        ([GONE], False),
        ([GONE, OFF], False),
        ([HEARD, GONE], True),
        ([HEARD, OFF, ENDED], True),
        ([OFF], True),
        ([ENDED], True),
    ],
)
def test_ready_is_who_hears_and_has_accounted_for_the_others(states: list[str], ready: bool) -> None:
    world = World([Ear(f"seat{n}", state, 1) for n, state in enumerate(states)])
    world.watchdog.turned()
    assert ("READY=1" in world.told) == ready


def test_a_start_that_waits_for_a_microphone_says_so_and_is_given_time_for_ever() -> None:
    world = World([Ear("driver", GONE, 0), Ear("rear", OFF, 0)])
    longest_s = 0.0
    for _ in range(1000):
        world.hear("driver")
        before = world.told.count("EXTEND_TIMEOUT_USEC=15000000")
        world.pass_s(1.0)
        longest_s = 0.0 if world.told.count("EXTEND_TIMEOUT_USEC=15000000") > before else longest_s + 1.0
        assert longest_s < 15.0
    assert "STATUS=starting: waits for sound from driver" in world.told
    assert "READY=1" not in world.told
    world.ears = [Ear("driver", HEARD, 2000), Ear("rear", OFF, 0)]
    world.pass_s(1.0)
    assert world.told[-2:] == ["STATUS=listening", "READY=1"]


def test_it_is_ready_once() -> None:
    world = fed()
    for _ in range(100):
        world.hear()
        world.pass_s(1.0)
    assert world.told.count("READY=1") == 1
