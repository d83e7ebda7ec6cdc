"""The cabin echoes as a small box must, and the microphone colours as it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.lab import cabin
from models.lab.cabin import SOUND_MPS, THIN_WALLS_HZ, Room, draw_microphone, draw_room, heard_by, impulse_response, spoken_in

RATE_HZ = 16000
seeds = st.integers(0, 2**32 - 1)
DULL = (0.0,) * 6
SMALL = Room((1.4, 2.4, 1.2), (0.4, 1.1, 0.85), (0.72, 0.5, 1.1), (0.8, 0.7, 0.6, 0.75, 0.5, 0.65), 0.012)


def impulse(n_samples: int) -> NDArray[np.float32]:
    return np.concatenate([np.ones(1, np.float32), np.zeros(n_samples - 1, np.float32)])


def decay_s(response: NDArray[np.float32]) -> float:
    """Schroeder's: the line through what is still to come between -5 and -25 dB, to -60 dB."""
    to_come = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    to_come_db = 10 * np.log10(to_come / to_come[0])
    at = np.flatnonzero((to_come_db <= -5.0) & (to_come_db >= -25.0))
    return float(-60.0 / np.polyfit(at / RATE_HZ, to_come_db[at], 1)[0])


def by_the_book(room: Room, n_samples: int, f_hz: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """The same image by image, in the frequency domain and so with exact delays."""
    direct_m = float(np.linalg.norm(np.subtract(room.mouth_m, room.microphone_m)))
    total = np.zeros(len(f_hz), np.complex128)
    for turn in product(range(-4, 5), repeat=3):
        for mirrored in product((0, 1), repeat=3):
            place = [2 * n * size + (1 - 2 * p) * at for n, p, size, at in zip(turn, mirrored, room.size_m, room.mouth_m)]
            away_m = float(np.linalg.norm(np.subtract(place, room.microphone_m)))
            after_s = (away_m - direct_m) / SOUND_MPS
            if not (any(turn) or any(mirrored)) or after_s >= n_samples / RATE_HZ:
                continue
            bounces = [(abs(n - p), abs(n)) for n, p in zip(turn, mirrored)]
            left = np.prod([wall**n for wall, n in zip(room.reflections, np.ravel(bounces))])
            total += left * direct_m / away_m * np.exp(-2j * np.pi * f_hz * after_s)
    return np.asarray(1.0 + total / (1.0 + THIN_WALLS_HZ / (1j * f_hz)), np.complex128)


def test_without_echo_the_direct_sound_is_one_and_at_once() -> None:
    for seed in range(20):
        response = impulse_response(replace(draw_room(np.random.default_rng(seed)), reflections=DULL))
        np.testing.assert_array_equal(response, impulse(len(response)))


@pytest.mark.parametrize("wall", range(6))
def test_one_wall_gives_one_echo_between_the_samples(wall: int) -> None:
    reflections = tuple(0.8 if k == wall else 0.0 for k in range(6))
    room = replace(SMALL, reflections=reflections)
    axis, far = divmod(wall, 2)
    mirror = list(room.mouth_m)
    mirror[axis] = 2 * far * room.size_m[axis] - mirror[axis]
    away_m, direct_m = (np.linalg.norm(np.subtract(place, room.microphone_m)) for place in (mirror, room.mouth_m))
    response = impulse_response(room)
    echo = np.fft.rfft(response - impulse(len(response)), 4096)
    f_hz = np.fft.rfftfreq(4096, 1 / RATE_HZ)
    heard = (f_hz > 1500.0) & (f_hz < 6000.0)
    turns = np.unwrap(np.angle(echo[heard])) / (2 * np.pi)
    delay_samples = -np.polyfit(f_hz[heard], turns, 1)[0] * RATE_HZ
    assert delay_samples == pytest.approx((away_m - direct_m) / SOUND_MPS * RATE_HZ, abs=0.15)
    assert np.abs(echo[heard]).mean() == pytest.approx(0.8 * direct_m / away_m, rel=0.03)


def test_all_walls_together_are_those_of_the_book() -> None:
    response = impulse_response(replace(SMALL, reverberation_s=0.03))
    f_hz = np.fft.rfftfreq(4096, 1 / RATE_HZ)
    heard = (f_hz > 800.0) & (f_hz < 6500.0)
    wanted = by_the_book(SMALL, len(response), f_hz[heard])
    got = np.fft.rfft(response.astype(np.float64), 4096)[heard]
    assert np.sqrt(np.mean(np.abs(got - wanted) ** 2) / np.mean(np.abs(wanted) ** 2)) < 0.06


def test_drawn_rooms_are_cabins_with_somebody_and_a_microphone_inside() -> None:
    rooms = [draw_room(np.random.default_rng(seed)) for seed in range(300)]
    sizes = np.array([room.size_m for room in rooms])
    assert (sizes >= (1.2, 1.8, 1.1)).all()
    assert (sizes <= (1.6, 3.0, 1.3)).all()
    for places in ([room.mouth_m for room in rooms], [room.microphone_m for room in rooms]):
        assert (np.array(places) > 0.02).all()
        assert (np.array(places) < sizes - 0.01).all()
    away_m = [np.linalg.norm(np.subtract(room.mouth_m, room.microphone_m)) for room in rooms]
    assert 0.35 < min(away_m) < 0.6
    assert 1.5 < max(away_m) < 2.7
    assert all(0.0 < wall < 1.0 for room in rooms for wall in room.reflections)


def test_echoes_die_as_fast_as_in_a_car() -> None:
    times_s = [decay_s(impulse_response(draw_room(np.random.default_rng(seed)))) for seed in range(150)]
    assert 0.06 < np.median(times_s) < 0.08
    assert np.mean([0.04 < time_s < 0.1 for time_s in times_s]) > 0.9
    assert 0.025 < min(times_s) < max(times_s) < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_a_longer_reverberation_takes_longer(seed: int) -> None:
    room = draw_room(np.random.default_rng(seed))
    dull, hard = (
        replace(room, reflections=tuple(np.sqrt(1.0 - part * (1.0 - np.square(room.reflections))).tolist()))
        for part in (1.0, 0.6)
    )
    assert decay_s(impulse_response(dull)) < decay_s(impulse_response(hard))


@given(seed=seeds)
def test_a_seed_draws_the_same_room_and_microphone_again(seed: int) -> None:
    assert draw_room(np.random.default_rng(seed)) == draw_room(np.random.default_rng(seed))
    one, again = (draw_microphone(np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert draw_room(np.random.default_rng(seed)) != draw_room(np.random.default_rng(seed + 1))


@pytest.mark.parametrize("n_samples", [1, 10, 1000, 20000])
def test_speech_keeps_its_length_and_its_time(n_samples: int) -> None:
    response = impulse_response(draw_room(np.random.default_rng(0)))
    arrived = spoken_in(impulse(n_samples), response)
    assert arrived.dtype == np.float32
    wanted = np.pad(response, (0, n_samples))[:n_samples]
    np.testing.assert_allclose(arrived, wanted, atol=1e-5)


def response_db(microphone: NDArray[np.float64], f_hz: list[float]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(heard_by(microphone, impulse(2 * RATE_HZ)))
    return np.array([20 * np.log10(abs(spectrum[round(2 * hz)])) for hz in f_hz])


def test_the_microphone_cuts_rumble_tilts_and_may_end_early() -> None:
    low, tilts, ends = [], [], []
    for seed in range(200):
        at_30, at_60, at_150, at_250, at_3000, at_5000, at_7900 = response_db(
            draw_microphone(np.random.default_rng(seed)), [30.0, 60.0, 150.0, 250.0, 3000.0, 5000.0, 7900.0]
        )
        # 12 dB an octave below a corner between 60 and 150 Hz
        assert at_30 == pytest.approx(at_60 - 11.0, abs=3.5)
        assert at_60 <= -2.9
        assert at_150 >= -3.1
        low.append(at_30)
        assert abs(at_250) < 1.5
        tilts.append(at_3000)
        ends.append(at_7900 - at_5000)
    assert -29.0 < min(low) < max(low) < -11.0
    assert -4.1 < min(tilts) < -3.0
    assert 3.0 < max(tilts) < 4.1
    assert 70 < sum(end < -10.0 for end in ends) < 130


@pytest.mark.parametrize(("f_hz", "gain_db"), [(1000.0, 4.0), (2000.0, -4.0)])
def test_a_shelf_is_at_half_its_gain_in_the_middle(f_hz: float, gain_db: float) -> None:
    shelf = cabin._high_shelf(f_hz, gain_db)[np.newaxis]
    assert response_db(shelf, [20.0, f_hz, 7990.0]) == pytest.approx([0.0, gain_db / 2, gain_db], abs=0.05)


def test_channels_go_through_one_microphone_alike() -> None:
    rng = np.random.default_rng(0)
    microphone, samples = draw_microphone(rng), rng.standard_normal((2, 500)).astype(np.float32)
    both = heard_by(microphone, samples)
    assert both.dtype == np.float32
    np.testing.assert_allclose(both, [heard_by(microphone, one) for one in samples], atol=1e-6)
