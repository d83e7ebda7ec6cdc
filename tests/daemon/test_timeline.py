"""Where sound stands in time: over holes, bursts, clocks that drift, and openings of a device, however they are delayed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.capture.timeline import HOLE_S, LOOK_S, SETTLING_S, Timeline
from daemon.events import Block

RATE_HZ = 16000
BLOCK_SAMPLES = 320
BLOCK_S = BLOCK_SAMPLES / RATE_HZ
HOP_S = 0.010
"""What the positions may be wrong by."""
BEGAN_S = 5000.0


@dataclass
class World:
    """A device whose sound is known to have been captured at a time, and the timeline that has to find out."""

    timeline: Timeline = field(default_factory=lambda: Timeline(RATE_HZ))
    chance: random.Random = field(default_factory=lambda: random.Random(3))
    now_s: float = BEGAN_S
    n_xruns: int = 0
    sample: int = 0
    placed: list[tuple[Block, float]] = field(default_factory=list)
    """Each block that came through, and when its newest sample was really captured."""

    def opens(self, after_s: float) -> None:
        self.timeline.opened()
        self.now_s += after_s
        self.sample = self.n_xruns = 0

    def hears(self, n_blocks: int, latest_s: float = 0.0, clock: float = 1.0) -> None:
        """Blocks come, each up to `latest_s` late, from a device whose second is `clock` seconds."""
        for _ in range(n_blocks):
            self.now_s += BLOCK_S * clock
            self.comes(self.chance.uniform(0.0, latest_s))

    def is_held_back(self, n_blocks: int) -> None:
        """A server hangs, and then gives everything at once."""
        captured = []
        for _ in range(n_blocks):
            self.now_s += BLOCK_S
            captured.append(self.now_s)
        for at_s in captured:
            self.comes(self.now_s - at_s, at_s)

    def loses(self, seconds: float, says_so: bool) -> None:
        self.now_s += seconds
        self.n_xruns += says_so

    def comes(self, late_s: float, captured_s: float | None = None) -> None:
        captured_s = self.now_s if captured_s is None else captured_s
        samples = np.zeros(BLOCK_SAMPLES, np.int16)
        block = self.timeline.place(Block(samples, self.sample, round((captured_s + late_s) * 1e9)), self.n_xruns)
        self.sample += BLOCK_SAMPLES
        if block is not None:
            self.placed.append((block, captured_s))

    def drift_s(self) -> float:
        """By how much the time between two blocks' positions is not that between their captures, at most."""
        began = [captured_s - block.end_sample / RATE_HZ for block, captured_s in self.placed]
        return max(began) - min(began)

    def age_error_s(self) -> float:
        """By how much a block is said to be of another time than it is, at most."""
        return max(abs(block.captured_ns / 1e9 - captured_s) for block, captured_s in self.placed)

    def requires_order(self) -> None:
        for (one, _), (other, _) in zip(self.placed, self.placed[1:]):
            assert other.start_sample >= one.end_sample


@pytest.fixture
def world() -> World:
    found = World()
    found.hears(100)
    return found


def test_the_first_sound_settles_and_positions_begin_with_0(world: World) -> None:
    assert world.placed[0][0].start_sample == 0
    assert len(world.placed) == 100 - round(SETTLING_S / BLOCK_S)
    assert all(one.end_sample == other.start_sample for (one, _), (other, _) in zip(world.placed, world.placed[1:]))


def test_a_device_that_was_gone_leaves_a_hole_of_its_length(world: World) -> None:
    last = world.placed[-1][0]
    world.opens(7.0)
    world.hears(100)
    first = next(block for block, _ in world.placed if block.start_sample > last.end_sample)
    assert (first.start_sample - last.end_sample) / RATE_HZ == pytest.approx(7.0 + SETTLING_S, abs=1e-3)
    assert world.drift_s() < 1e-3


def test_a_burst_keeps_its_places_and_is_as_old_as_it_is(world: World) -> None:
    world.is_held_back(150)
    world.hears(10)
    assert all(one.end_sample == other.start_sample for (one, _), (other, _) in zip(world.placed, world.placed[1:]))
    assert world.age_error_s() < 1e-3


def test_a_device_that_says_it_has_lost_sound_leaves_the_hole_at_once(world: World) -> None:
    world.loses(0.4, says_so=True)
    n_before = len(world.placed)
    world.hears(10)
    hole = world.placed[n_before][0].start_sample - world.placed[n_before - 1][0].end_sample
    assert hole / RATE_HZ == pytest.approx(0.4, abs=1e-3)
    assert world.drift_s() < 1e-3


def test_sound_that_was_lost_without_a_word_is_found_within_two_looks(world: World) -> None:
    world.loses(0.4, says_so=False)
    world.hears(round(2 * LOOK_S / BLOCK_S))
    n_before = len(world.placed)
    world.hears(50)
    world.placed = world.placed[:90] + world.placed[n_before:]
    assert world.drift_s() < 1e-3
    world.requires_order()


def test_two_clocks_that_drift_apart_make_no_hole_and_no_late_sound(world: World) -> None:
    """100 ppm for ten minutes: 60 ms, more than a hole would be."""
    world.hears(30000, clock=1.0001)
    assert all(one.end_sample == other.start_sample for (one, _), (other, _) in zip(world.placed, world.placed[1:]))
    assert 30000 * BLOCK_S * 0.0001 > HOLE_S
    assert world.age_error_s() < 1e-3
    world.opens(3.0)
    n_before = len(world.placed)
    world.hears(50)
    world.placed = world.placed[n_before - 5 :]
    assert world.drift_s() < 1e-3, "after a hole the times are right again"


@given(
    lives=st.lists(st.tuples(st.floats(0.0, 60.0), st.integers(20, 200), st.integers(0, 100)), min_size=1, max_size=6),
    latest_s=st.floats(0.0, 0.015),
    seed=st.integers(0, 1000),
)
def test_whatever_comes_between_positions_tell_the_time(
    lives: list[tuple[float, int, int]], latest_s: float, seed: int
) -> None:
    """Openings after any time, each heard for a while with callbacks that come late, and then held back for a while."""
    world = World(chance=random.Random(seed))
    for gone_s, n_blocks, n_held_back in lives:
        world.opens(gone_s)
        world.hears(n_blocks, latest_s)
        world.is_held_back(n_held_back)
    world.requires_order()
    if world.placed:
        # the soonest of SETTLING_S of blocks places the rest; what it came late by is the error
        assert world.drift_s() <= 2 * latest_s + 1e-3
        assert world.age_error_s() <= 2 * latest_s + 1e-3


@given(seed=st.integers(0, 10000))
def test_callbacks_as_late_as_they_are_measured_keep_the_times_within_a_hop(seed: int) -> None:
    """20.0 +- 0.4 ms; ten times that for a machine at work."""
    world = World(chance=random.Random(seed))
    for _ in range(5):
        world.opens(world.chance.uniform(0.3, 10.0))
        world.hears(100, latest_s=0.004)
    assert world.drift_s() < HOP_S
