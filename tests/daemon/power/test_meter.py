"""Energy: right for what was measured, nothing for what was not."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate
from typing import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.power.meter import LEAST_BREAK_S, Meter, patience_s
from daemon.power.reading import Reading


def reading(taken_s: float, total_w: float | None, every_s: float = 1.0) -> Reading:
    return Reading(taken_s=taken_s, every_s=every_s, total_w=total_w)


def metered(readings: Sequence[Reading]) -> Meter:
    meter = Meter()
    for one in readings:
        meter.add(one)
    return meter


STEPS_S = st.lists(st.floats(0.01, 1.9), min_size=1, max_size=50)
WATTS = st.floats(0.0, 100.0)


@given(steps_s=STEPS_S, watts=WATTS)
def test_a_steady_draw_is_watts_times_time_however_it_is_sampled(steps_s: list[float], watts: float) -> None:
    times_s = [0.0, *accumulate(steps_s)]
    meter = metered([reading(time_s, watts) for time_s in times_s])
    assert meter.energy_j == pytest.approx(watts * times_s[-1])
    assert meter.measured_s == pytest.approx(times_s[-1])
    assert meter.n_breaks == 0


@given(steps_s=STEPS_S, first_w=WATTS, last_w=WATTS)
def test_a_ramp_is_its_mean_times_its_time(steps_s: list[float], first_w: float, last_w: float) -> None:
    times_s = [0.0, *accumulate(steps_s)]
    ramp = [first_w + (last_w - first_w) * time_s / times_s[-1] for time_s in times_s]
    meter = metered([reading(time_s, watts) for time_s, watts in zip(times_s, ramp)])
    assert meter.energy_j == pytest.approx(times_s[-1] * (first_w + last_w) / 2.0)


@given(
    levels=st.lists(st.tuples(st.floats(5.0, 30.0), st.floats(2.0, 15.0)), min_size=2, max_size=8),
    steps_s=st.lists(st.floats(0.05, 0.15), min_size=50, max_size=50),
)
def test_steps_cost_at_most_half_an_interval_each(levels: list[tuple[float, float]], steps_s: list[float]) -> None:
    """The truth is a sum of rectangles, known without any sampling."""
    ends_s = list(accumulate(length_s for length_s, _ in levels))
    times_s, number = [0.0], 0
    while times_s[-1] + steps_s[number % 50] < ends_s[-1]:
        times_s.append(times_s[-1] + steps_s[number % 50])
        number += 1
    meter = metered([reading(time_s, levels[bisect_right(ends_s, time_s)][1], 0.1) for time_s in times_s])
    truth_j = sum(length_s * watts for length_s, watts in levels) - (ends_s[-1] - times_s[-1]) * levels[-1][1]
    jumps_w = sum(abs(after[1] - before[1]) for before, after in zip(levels, levels[1:]))
    assert abs(meter.energy_j - truth_j) <= jumps_w * 0.15 / 2.0 + 1e-6


@given(gap_s=st.floats(LEAST_BREAK_S + 1.01, 1e6), before=st.integers(1, 20), behind=st.integers(1, 20))
def test_what_was_missing_is_left_out_and_told(gap_s: float, before: int, behind: int) -> None:
    first = [reading(float(number), 7.0) for number in range(before)]
    last = [reading(before - 1 + gap_s + number, 9.0) for number in range(behind)]
    meter = metered([*first, *last])
    assert meter.energy_j == pytest.approx(7.0 * (before - 1) + 9.0 * (behind - 1))
    assert meter.measured_s == pytest.approx(before + behind - 2)
    assert meter.n_breaks == 1


def test_a_machine_that_measures_no_power_has_no_energy() -> None:
    meter = metered([reading(0.0, None), reading(1.0, None), reading(2.0, 5.0), reading(3.0, 5.0), reading(4.0, None)])
    assert (meter.energy_j, meter.measured_s) == (5.0, 1.0)


@pytest.mark.parametrize(("every_s", "so_long_s"), [(0.1, 2.0), (1.0, 3.0), (60.0, 180.0)])
def test_a_source_is_patiently_waited_for(every_s: float, so_long_s: float) -> None:
    assert math.isclose(patience_s(reading(0.0, 1.0, every_s)), so_long_s)
