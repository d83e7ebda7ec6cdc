"""A car's cabin as a small box that echoes, and the colour of the microphone in it. All is at 16 kHz, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import fftconvolve, sosfilt

from models.lab.car_sounds import SAMPLE_RATE_HZ, Samples

SOUND_MPS = 343.0
REVERBERATION_S = (0.045, 0.085)
"""Between which the time is drawn in which the echoes are to fall by 60 dB; nine in ten do in 0.04 to 0.1 s."""
WALLS = ((0.6, 1.2), (0.6, 1.2), (0.5, 1.1), (0.8, 1.6), (1.0, 1.8), (0.7, 1.4))
"""How much the walls absorb, of their mean: left and right doors, windscreen and rear, floor with its seats, and roof."""
THIN_WALLS_HZ = 100.0
"""What is lower goes out through the panels and comes back the less, by 6 dB an octave."""

_SLOWER = 1.35
"""Than by Eyring's formula, the median over 300 rooms: the box is small, and its walls absorb unequally."""
_FINER = 8
"""Echoes are placed to this part of a sample."""
_PART_HEARD = 0.75
"""Of the time in which the echoes fall by 60 dB: what comes later, below -45 dB, is left out."""

Metres = tuple[float, float, float]


@dataclass(frozen=True)
class Room:
    """A box; positions are from its left, front and lower corner: to the right, backwards, up."""

    size_m: Metres
    mouth_m: Metres
    microphone_m: Metres
    reflections: tuple[float, ...]
    """(6,) what of an amplitude comes back: left, right, front, rear, floor, roof."""
    reverberation_s: float
    """In which the echoes fall by 60 dB, about."""


def draw_room(rng: np.random.Generator) -> Room:
    """A cabin 1.2 to 1.6 m wide, 1.8 to 3 m long, 1.1 to 1.3 m high, somebody on one of four seats, and a microphone.

    The microphone is in the roof's console, at the mirror or on the dashboard.
    """
    width_m, length_m, height_m = rng.uniform((1.2, 1.8, 1.1), (1.6, 3.0, 1.3)).tolist()
    reverberation_s = float(rng.uniform(*REVERBERATION_S))
    side, row = rng.choice((0.26, 0.74)), rng.choice((0.45, 0.8))
    mouth = np.array([side, row, 0.75]) + rng.uniform(-0.05, 0.05, 3)
    place = ((0.5, 0.22, 0.95), (0.5, 0.12, 0.82), (0.5, 0.06, 0.5))[int(rng.integers(3))]
    microphone = np.array(place) + rng.uniform(-0.04, 0.04, 3)
    size_m = np.array([width_m, length_m, height_m])
    return Room(
        (width_m, length_m, height_m),
        _metres(mouth * size_m),
        _metres(microphone * size_m),
        _reflections(size_m, reverberation_s, rng),
        reverberation_s,
    )


def _metres(position: NDArray[np.float64]) -> Metres:
    right_m, back_m, up_m = position.tolist()
    return right_m, back_m, up_m


def _reflections(size_m: NDArray[np.float64], reverberation_s: float, rng: np.random.Generator) -> tuple[float, ...]:
    volume = float(size_m.prod())
    areas = np.repeat(volume / size_m, 2)
    # Eyring (1930), in metric units
    mean = 1.0 - np.exp(-0.161 * volume / (areas.sum() * reverberation_s / _SLOWER))
    share = rng.uniform(*np.transpose(WALLS))
    absorbed = np.clip(mean * share * areas.sum() / (areas @ share), 0.02, 0.98)
    return tuple(np.sqrt(1.0 - absorbed).tolist())


def impulse_response(room: Room) -> Samples:
    """(n,) from mouth to microphone, by image sources (Allen & Berkley, 1979): the direct sound is 1 at sample 0.

    So its energy is 1 and its delay is taken away; echoes are weighed with their distance and lie between samples where they
    fall there. It ends where they are some 45 dB down.
    """
    direct_m = float(np.linalg.norm(np.subtract(room.mouth_m, room.microphone_m)))
    n_samples = 1 + int(_PART_HEARD * room.reverberation_s * SAMPLE_RATE_HZ)
    reach_m = direct_m + SOUND_MPS * n_samples / SAMPLE_RATE_HZ
    (x_m, of_x), (y_m, of_y), (z_m, of_z) = (_images(room, axis, reach_m) for axis in range(3))
    away_m = np.sqrt(x_m[:, None, None] ** 2 + y_m[:, None] ** 2 + z_m**2)
    heard = away_m < reach_m
    heard &= away_m > direct_m * (1.0 + 1e-5)
    amplitudes = (of_x[:, None, None] * of_y[:, None] * of_z)[heard] * (direct_m / away_m[heard])
    after = (_FINER * SAMPLE_RATE_HZ / SOUND_MPS) * (away_m[heard] - direct_m)
    response = _at_rate(np.rint(after).astype(np.int64), amplitudes, n_samples)
    response[0] += 1.0
    return response


def _images(room: Room, axis: int, reach_m: float) -> tuple[Samples, Samples]:
    """Along one axis: how far each image of the mouth is from the microphone, and what its bounces have left of it."""
    size_m, mouth_m, microphone_m = room.size_m[axis], room.mouth_m[axis], room.microphone_m[axis]
    low, high = room.reflections[2 * axis : 2 * axis + 2]
    n = int(np.ceil(reach_m / (2 * size_m)))
    turn = np.arange(-n, n + 1)
    same, mirrored = 2 * turn * size_m + mouth_m - microphone_m, 2 * turn * size_m - mouth_m - microphone_m
    of_same = low ** np.abs(turn) * high ** np.abs(turn)
    of_mirrored = low ** np.abs(turn - 1) * high ** np.abs(turn)
    return np.concatenate([same, mirrored]).astype(np.float32), np.concatenate([of_same, of_mirrored]).astype(np.float32)


def _at_rate(fine_sample: NDArray[np.int64], amplitudes: Samples, n_samples: int) -> Samples:
    """(n_samples,) with impulses that lie `_FINER` times finer than samples, nothing of them above half the rate."""
    n_fft = next_fast_len(n_samples + 64, real=True)
    fine = np.bincount(fine_sample, amplitudes, _FINER * n_fft).astype(np.float32)
    tone = 1j * rfftfreq(n_fft, THIN_WALLS_HZ / SAMPLE_RATE_HZ)
    return np.asarray(irfft(rfft(fine)[: n_fft // 2 + 1] * (tone / (1.0 + tone)), n_fft)[:n_samples], np.float32)


def spoken_in(samples: Samples, response: Samples) -> Samples:
    """(n,) as it arrives: (n,), the echo beyond the end cut."""
    return np.asarray(fftconvolve(samples, response)[: len(samples)], np.float32)


def draw_microphone(rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_sections, 6) for `heard_by`: a high-pass at 60 to 150 Hz, a shelf of up to 4 dB either way, perhaps a low-pass.

    The shelf's middle is between 0.7 and 3 kHz, the low-pass of every other microphone between 6 and 7.5 kHz.
    """
    sections = [_high_pass(rng.uniform(60.0, 150.0)), _high_shelf(rng.uniform(700.0, 3000.0), rng.uniform(-4.0, 4.0))]
    if rng.random() < 0.5:
        sections.append(_low_pass(rng.uniform(6000.0, 7500.0)))
    return np.array(sections)


def heard_by(microphone: NDArray[np.float64], samples: Samples) -> Samples:
    """(..., n) through the microphone's sections: (..., n)."""
    return np.asarray(sosfilt(microphone, samples), np.float32)


# second-order sections after R. Bristow-Johnson's "Cookbook formulae for audio equalizer biquad filter coefficients"


def _turn(f_hz: float) -> tuple[float, float]:
    """Cosine and, over the square root of 2, sine of the frequency's angle: a Butterworth's, as a shelf's of slope 1."""
    angle = 2 * np.pi * f_hz / SAMPLE_RATE_HZ
    return float(np.cos(angle)), float(np.sin(angle) / np.sqrt(2.0))


def _section(b: Sequence[float], a: Sequence[float]) -> NDArray[np.float64]:
    return np.array([*b, *a]) / a[0]


def _high_pass(f_hz: float) -> NDArray[np.float64]:
    cos, alpha = _turn(f_hz)
    return _section(((1 + cos) / 2, -(1 + cos), (1 + cos) / 2), (1 + alpha, -2 * cos, 1 - alpha))


def _low_pass(f_hz: float) -> NDArray[np.float64]:
    cos, alpha = _turn(f_hz)
    return _section(((1 - cos) / 2, 1 - cos, (1 - cos) / 2), (1 + alpha, -2 * cos, 1 - alpha))


def _high_shelf(f_hz: float, gain_db: float) -> NDArray[np.float64]:
    cos, alpha = _turn(f_hz)
    gain = 10.0 ** (gain_db / 40.0)
    up, down, side = gain + 1, gain - 1, 2 * np.sqrt(gain) * alpha
    return _section(
        (gain * (up + down * cos + side), -2 * gain * (down + up * cos), gain * (up + down * cos - side)),
        (up - down * cos + side, 2 * (down - up * cos), up - down * cos - side),
    )
