"""Each sound of a car has the spectrum and the rhythm that it claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.lab import car_sounds
from models.lab.cabin_noise import KINDS
from models.lab.car_sounds import FUNDAMENTAL_HZ, N_GEARS, N_ORDERS, SPEED_MPS, speed_curve_mps
from models.lab.errors import LabError

RATE_HZ = 16000
seeds = st.integers(0, 2**32 - 1)
Samples = NDArray[np.float32]


def steady(mps: float, duration_s: float = 4.0) -> Samples:
    return np.full(int(duration_s * RATE_HZ), mps, np.float32)


def octaves_db(name: str, lowest_hz: list[float]) -> NDArray[np.float64]:
    """The mean power within the octave above each frequency, over many draws."""
    power = np.zeros(2 * RATE_HZ + 1)
    for seed in range(20):
        samples = KINDS[name].sound(steady(20.0), np.random.default_rng(seed))
        power += np.abs(np.fft.rfft(samples)) ** 2 / np.mean(np.square(samples))
    f_hz = np.fft.rfftfreq(4 * RATE_HZ, 1 / RATE_HZ)
    return np.array([10 * np.log10(power[(f_hz >= low) & (f_hz < 2 * low)].mean()) for low in lowest_hz])


def share_within(samples: Samples, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    f_hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return float(power[(f_hz >= low_hz) & (f_hz < high_hz)].sum() / power.sum())


def onsets(samples: Samples, quiet_s: float, part_of_peak: float = 0.1) -> NDArray[np.int64]:
    """Where it becomes loud after it was not for `quiet_s`."""
    loud = np.flatnonzero(np.abs(samples) > part_of_peak * np.abs(samples).max())
    return loud[np.diff(loud, prepend=-RATE_HZ) > quiet_s * RATE_HZ]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n_samples", [1, 2, 100, 799, 801, 12345])
def test_sounds_of_any_length_are_heard_and_drawn(name: str, n_samples: int) -> None:
    for seed in range(5):
        one, again = (
            KINDS[name].sound(speed_curve_mps(n_samples, rng), rng)
            for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
        )
        np.testing.assert_array_equal(one, again)
        assert one.shape == (n_samples,)
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        assert one.any()


@pytest.mark.parametrize("name", KINDS)
def test_another_seed_gives_another_sound(name: str) -> None:
    one, other = (KINDS[name].sound(steady(20.0, 1.0), np.random.default_rng(seed)) for seed in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


@given(seed=seeds)
def test_the_speed_is_a_car_s(seed: int) -> None:
    speed_mps = speed_curve_mps(3 * RATE_HZ, np.random.default_rng(seed))
    assert speed_mps.min() >= SPEED_MPS[0]
    assert speed_mps.max() <= SPEED_MPS[1]
    assert np.abs(np.diff(speed_mps)).max() * RATE_HZ < 4.1


def test_brown_falls_by_six_decibels_an_octave_and_by_eighteen_beyond_the_corner() -> None:
    assert np.diff(octaves_db("brown", [32.0, 64.0, 128.0])) == pytest.approx([-6.0, -6.0], abs=0.7)
    assert np.diff(octaves_db("brown", [1800.0, 3600.0])) == pytest.approx([-18.0], abs=1.5)


def test_pink_falls_by_three_decibels_an_octave_and_by_more_beyond_the_corner() -> None:
    assert np.diff(octaves_db("pink", [32.0, 64.0, 128.0, 256.0, 512.0])) == pytest.approx([-3.0] * 4, abs=0.5)
    assert np.diff(octaves_db("pink", [512.0, 4000.0]))[0] < -14.0


@settings(max_examples=10)
@given(seed=seeds)
def test_rolling_and_air_are_low_and_nothing_is_below_hearing(seed: int) -> None:
    speed_mps = steady(20.0)
    sounds = {name: KINDS[name].sound(speed_mps, np.random.default_rng(seed)) for name in ("brown", "pink", "wind")}
    assert share_within(sounds["brown"], 10.0, 1200.0) > 0.98
    assert share_within(sounds["pink"], 10.0, 5000.0) > 0.96
    assert all(share_within(samples, 0.0, 10.0) < 0.02 for samples in sounds.values())


def test_wind_comes_in_gusts() -> None:
    swings_db, low = [], []
    for seed in range(20):
        wind = car_sounds.wind(steady(20.0, 8.0), np.random.default_rng(seed))
        levels_db = 10 * np.log10(np.mean(np.square(wind.reshape(-1, RATE_HZ // 2)), axis=1))
        swings_db.append(float(np.ptp(levels_db)))
        low.append(share_within(wind, 10.0, 500.0))
    assert 5.0 < np.median(swings_db) < 20.0
    assert np.median(low) > 0.85


@settings(max_examples=10)
@given(seed=seeds, mps=st.floats(5.0, 40.0))
def test_engine_orders_are_at_multiples_of_the_fundamental(seed: int, mps: float) -> None:
    f_hz = float(car_sounds.fundamental_hz(steady(mps), np.random.default_rng(seed))[-1])
    samples = car_sounds.engine(steady(mps), np.random.default_rng(seed))
    near = [share_within(samples, k * f_hz - 4.0, k * f_hz + 4.0) for k in range(1, N_ORDERS + 1)]
    assert sum(near) > 0.98
    assert min(near) > 1e-4
    assert sum(near[:3]) > sum(near[3:])


def test_engine_orders_follow_the_speed() -> None:
    speed_mps = np.linspace(14.0, 20.0, 4 * RATE_HZ).astype(np.float32)
    for seed in range(5):
        turns = np.cumsum(car_sounds.fundamental_hz(speed_mps, np.random.default_rng(seed)), dtype=np.float64) / RATE_HZ
        samples = car_sounds.engine(speed_mps, np.random.default_rng(seed))
        strength = [abs(np.mean(samples * np.exp(-2j * np.pi * k * turns))) for k in (1.0, 1.5, 2.0, 2.5, 3.0)]
        assert min(strength[0::2]) > 5.0 * max(strength[1::2])


@settings(max_examples=20)
@given(seed=seeds)
def test_gears_are_shifted_one_by_one_and_quickly(seed: int) -> None:
    speed_mps = np.linspace(*SPEED_MPS, 40 * RATE_HZ).astype(np.float32)
    f_hz = car_sounds.fundamental_hz(speed_mps, np.random.default_rng(seed))[:: RATE_HZ // 20]
    assert f_hz.min() >= FUNDAMENTAL_HZ[0]
    assert f_hz.max() <= FUNDAMENTAL_HZ[1]
    falling = np.flatnonzero(np.diff(f_hz) < -0.2)
    shifts = np.split(falling, np.flatnonzero(np.diff(falling) > 1) + 1)
    assert len(shifts) == N_GEARS - 1
    assert all(3 <= len(shift) <= 6 for shift in shifts)
    # in the last gear it goes with the speed
    per_mps = f_hz[-40:] / speed_mps[:: RATE_HZ // 20][-40:]
    assert f_hz[-1] == FUNDAMENTAL_HZ[1] or np.ptp(per_mps) < 0.01 * per_mps.mean()


def test_rain_crackles_over_the_whole_band() -> None:
    for seed in range(10):
        samples = car_sounds.rain(steady(20.0), np.random.default_rng(seed))
        # 3 for what is Gaussian, to within 0.05
        assert np.mean(samples**4) / np.mean(samples**2) ** 2 > 3.2
        assert share_within(samples, 1000.0, 8000.0) > 0.35
        assert share_within(samples, 4000.0, 8000.0) > 0.08
        assert share_within(samples, 0.0, 150.0) < 0.3


@settings(max_examples=10)
@given(seed=seeds)
def test_the_indicator_ticks_and_tocks(seed: int) -> None:
    samples = car_sounds.indicator(steady(20.0, 8.0), np.random.default_rng(seed))
    at_s = onsets(samples, 0.1) / RATE_HZ
    gaps_s = np.diff(at_s)
    periods_s = at_s[2:] - at_s[:-2]
    assert 1 / 1.81 < periods_s.min() <= periods_s.max() < 1 / 1.29
    assert np.ptp(periods_s) < 0.01
    assert (gaps_s > 0.4 * periods_s[0]).all()
    assert share_within(samples, 800.0, 8000.0) > 0.9


@settings(max_examples=20)
@given(seed=seeds)
def test_joints_thump_twice_each_as_far_apart_as_the_axles(seed: int) -> None:
    mps = 5.0
    samples = car_sounds.joints(steady(mps, 20.0), np.random.default_rng(seed))
    at_m = onsets(samples, 0.2, 1e-6) / RATE_HZ * mps
    gaps_m = np.diff(at_m)
    axles, slabs = (gaps_m[0::2], gaps_m[1::2]) if gaps_m[0] < gaps_m[1] else (gaps_m[1::2], gaps_m[0::2])
    assert axles == pytest.approx(np.full(len(axles), axles[0]), abs=0.01)
    assert 2.4 <= axles[0] <= 3.01
    assert 6.0 - 0.01 <= axles[0] + slabs[0] <= 20.01
    assert share_within(samples, 20.0, 500.0) > 0.95


def test_joints_come_faster_the_faster_the_car() -> None:
    spacings = []
    for mps in (4.0, 8.0):
        at = onsets(car_sounds.joints(steady(mps, 30.0), np.random.default_rng(3)), 0.1, 1e-6)
        spacings.append(float(at[2] - at[0]))
    assert spacings[0] / spacings[1] == pytest.approx(2.0, rel=0.01)


def test_silence_has_no_power_to_be_brought_to_one() -> None:
    np.testing.assert_allclose(car_sounds.of_power_one(np.array([3.0, -3.0], np.float32)), [1.0, -1.0])
    with pytest.raises(LabError, match="the noise is silent"):
        car_sounds.of_power_one(np.zeros(3, np.float32))
