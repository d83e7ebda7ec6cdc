"""What is heard in a moving car, sound by sound, made up: each a pure function of the car's speed and a generator.

`speed_mps` is (n,) float32, the speed at each sample; the answer is (n,) float32 at any level but silent. All is at 16 kHz,
the front end's rate. How far a real cabin is from this is not known.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfftfreq
from scipy.signal import lfilter

from dsp.params import FrontEndParams
from models.lab.errors import LabError

SAMPLE_RATE_HZ = FrontEndParams.sample_rate_hz
LOWEST_HZ = 20.0
"""What is below is not heard, and is not to count in an SNR."""
N_ORDERS = 10
FUNDAMENTAL_HZ = (25.0, 70.0)
"""How often a four-cylinder engine fires a second, from 750 to 2100 revolutions a minute."""
SPEED_MPS = (2.0, 40.0)
N_GEARS = 6

Samples = NDArray[np.float32]
Sound = Callable[[Samples, np.random.Generator], Samples]

_KNOT_SAMPLES = SAMPLE_RATE_HZ // 20
"""What changes slowly is drawn every 50 ms, with straight lines between."""
_SHORTEST_FFT = SAMPLE_RATE_HZ // 4
_DROPS_HZ = (320.0, 900.0, 1800.0, 3000.0, 4800.0)


def speed_curve_mps(n_samples: int, rng: np.random.Generator) -> Samples:
    """(n_samples,) within SPEED_MPS: from a drawn speed on, with an acceleration that itself drifts."""
    n_knots = -(-n_samples // _KNOT_SAMPLES) + 1
    knot_s = _KNOT_SAMPLES / SAMPLE_RATE_HZ
    mps2 = np.clip(rng.normal(0.3, 1.0) + np.cumsum(rng.normal(0.0, 0.15, n_knots)), -4.0, 3.0)
    knots_mps = rng.uniform(*SPEED_MPS) + np.cumsum(mps2) * knot_s
    return _between(np.clip(knots_mps, *SPEED_MPS), n_samples)


def brown(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of rolling noise: 6 dB an octave down, and 12 more above a corner between 0.3 and 1.2 kHz; smooth and rough road."""
    n_samples, corner_hz = len(speed_mps), rng.uniform(300.0, 1200.0)
    noise = _shaped(n_samples, lambda f_hz: _skirt(f_hz, corner_hz) / f_hz, rng)
    return noise * _wander(n_samples, rng, 0.5, 1.5)


def pink(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of air along the body: 3 dB an octave down, and 12 more above a corner between 1.5 and 5 kHz."""
    corner_hz = rng.uniform(1500.0, 5000.0)
    return _shaped(len(speed_mps), lambda f_hz: _skirt(f_hz, corner_hz) / np.sqrt(f_hz), rng)


def wind(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of gusts: buffeting below 150 to 400 Hz, and a hiss around 0.6 to 3 kHz that swells twice as much."""
    n_samples, below_hz, hiss_hz = len(speed_mps), rng.uniform(150.0, 400.0), rng.uniform(600.0, 3000.0)
    gust = _wander(n_samples, rng, 0.7, 4.0) * np.square(speed_mps / speed_mps.max())
    buffeting = _shaped(n_samples, lambda f_hz: _skirt(f_hz, below_hz) / np.sqrt(f_hz), rng)
    hiss = _shaped(n_samples, lambda f_hz: 1.0 / np.sqrt(1.0 + np.square(f_hz / hiss_hz - hiss_hz / f_hz)), rng)
    hiss = np.float32(rng.uniform(0.1, 0.3)) * gust * of_power_one(hiss)
    return np.asarray(gust * (of_power_one(buffeting) + hiss), np.float32)


def engine(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of `N_ORDERS` harmonics of `fundamental_hz`, each weaker than the one before on average and slowly wavering."""
    n_samples = len(speed_mps)
    turns = np.cumsum(fundamental_hz(speed_mps, rng), dtype=np.float64) / SAMPLE_RATE_HZ
    angle = (2 * np.pi * (turns % 1.0)).astype(np.float32)
    once = np.cos(angle) + 1j * np.sin(angle)
    order, total = np.ones_like(once), np.zeros(n_samples, np.float32)
    roll_off = rng.uniform(0.7, 1.5)
    for k in range(1, N_ORDERS + 1):
        order *= once
        amplitude = rng.uniform(0.3, 1.0) * k**-roll_off
        phase = np.exp(2j * np.pi * rng.random())
        total += _wander(n_samples, rng, 0.3, 2.0) * (np.complex64(amplitude * phase) * order).real
    return total


def fundamental_hz(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) in proportion to the speed within a gear; a shift glides for 0.3 s. Within FUNDAMENTAL_HZ."""
    knots_mps = np.append(speed_mps[::_KNOT_SAMPLES], speed_mps[-1])
    idle_hz, step = rng.uniform(26.0, 34.0), rng.uniform(1.35, 1.5)
    # how many gears' steps the speed is above the lowest of the first gear
    steps = np.log(knots_mps / rng.uniform(3.0, 4.5)) / np.log(step)
    gear = np.clip(np.floor(steps), 0, N_GEARS - 1)
    n_glide = int(0.3 * SAMPLE_RATE_HZ / _KNOT_SAMPLES)
    padded = np.pad(gear, (n_glide // 2, n_glide - 1 - n_glide // 2), mode="edge")
    gliding = np.convolve(padded, np.full(n_glide, 1.0 / n_glide), mode="valid")
    return _between(np.clip(idle_hz * step ** (steps - gliding), *FUNDAMENTAL_HZ), len(speed_mps))


def rain(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of 200 to 1500 drops a second, each rings briefly in one of 5 bands from the roof's to the glass's, over a hiss."""
    n_samples = len(speed_mps)
    total = np.float32(rng.uniform(0.2, 0.7)) * of_power_one(_shaped(n_samples, lambda f_hz: 1.0 - _skirt(f_hz, 900.0), rng))
    n_drops = 1 + int(rng.poisson(rng.uniform(200.0, 1500.0) * n_samples / SAMPLE_RATE_HZ))
    at = np.minimum((n_samples * rng.random(n_drops)).astype(np.int64), n_samples - 1)
    size, sounding = rng.lognormal(0.0, 0.9, n_drops), rng.integers(len(_DROPS_HZ), size=n_drops)
    for k, f_hz in enumerate(_DROPS_HZ):
        mine = sounding == k
        hits = np.bincount(at[mine], size[mine], n_samples).astype(np.float32)
        ring_hz, decay_s = f_hz * rng.uniform(0.8, 1.25), rng.uniform(0.3, 1.0) / f_hz
        drops = lfilter(*_resonator(ring_hz, decay_s), hits)
        if mine.any():
            total += np.float32(rng.uniform(0.3, 1.0)) * of_power_one(np.asarray(drops, np.float32))
    return total


def indicator(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of a relay's ticks and tocks: 1.3 to 1.8 pairs a second, each click two resonances between 1.2 and 6 kHz."""
    n_samples, period = len(speed_mps), SAMPLE_RATE_HZ / rng.uniform(1.3, 1.8)
    first, gap = rng.random() * min(period, n_samples), period * rng.uniform(0.42, 0.55)
    total = np.zeros(n_samples, np.float32)
    for begin, loudness in ((first, 1.0), (first + gap - period, rng.uniform(0.4, 0.9))):
        low = (rng.uniform(1200.0, 2500.0), rng.uniform(0.003, 0.008), 1.0)
        high = (rng.uniform(2800.0, 6000.0), rng.uniform(0.001, 0.004), 1.0)
        click = _struck(0.0002, low, high)
        for at in np.arange(begin if begin >= 0.0 else begin + period, n_samples, period):
            _add(total, int(at), np.float32(loudness * rng.uniform(0.9, 1.1)) * click)
    return total


def joints(speed_mps: Samples, rng: np.random.Generator) -> Samples:
    """(n,) of thumps, the front axle's and the rear axle's, at each of the road's joints 6 to 20 m apart."""
    way_m = np.cumsum(speed_mps, dtype=np.float64) / SAMPLE_RATE_HZ
    spacing_m, wheelbase_m = rng.uniform(6.0, 20.0), rng.uniform(2.4, 3.0)
    first_m = rng.random() * min(spacing_m, way_m[-1])
    total = np.zeros(len(speed_mps), np.float32)
    for behind_m, loudness in ((0.0, 1.0), (wheelbase_m, rng.uniform(0.6, 1.1))):
        body = (rng.uniform(45.0, 110.0), rng.uniform(0.015, 0.04), 1.0)
        slap = (rng.uniform(180.0, 450.0), rng.uniform(0.006, 0.015), rng.uniform(0.2, 0.5))
        thump = _struck(0.004, body, slap)
        for at_m in np.arange(first_m + behind_m, way_m[-1], spacing_m):
            at = int(np.searchsorted(way_m, at_m))
            _add(total, at, np.float32(loudness * rng.uniform(0.6, 1.0)) * thump)
    return total


def of_power_one(samples: Samples) -> Samples:
    """(n,) at a mean power of 1. Raises LabError for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    if power == 0.0:
        raise LabError("the noise is silent: there is no gain that makes it heard")
    return np.asarray(samples / np.float32(np.sqrt(power)), np.float32)


def _wander(n_samples: int, rng: np.random.Generator, every_s: float, deviation_db: float) -> Samples:
    """(n_samples,) of gain around 1 that is drawn anew each `every_s`, with straight lines between."""
    every_samples = int(every_s * SAMPLE_RATE_HZ)
    knots_db = deviation_db * rng.standard_normal(-(-n_samples // every_samples) + 1)
    return _between(10.0 ** (knots_db / 20.0), n_samples, every_samples)


def _between(knots: NDArray[np.floating[Any]], n_samples: int, every_samples: int = _KNOT_SAMPLES) -> Samples:
    """Straight lines through knots `every_samples` apart, of which there is one at n_samples or beyond."""
    knots = knots.astype(np.float32)
    ramp = np.arange(every_samples, dtype=np.float32) / np.float32(every_samples)
    lines = knots[:-1, np.newaxis] + np.diff(knots)[:, np.newaxis] * ramp
    return np.asarray(lines.ravel()[:n_samples], np.float32)


def _shaped(n_samples: int, gain: Callable[[Samples], NDArray[np.floating[Any]]], rng: np.random.Generator) -> Samples:
    """(n_samples,) of Gaussian noise whose amplitude follows `gain`, given Hz; below LOWEST_HZ 12 dB an octave less."""
    n_fft = next_fast_len(max(n_samples, _SHORTEST_FFT), real=True)
    f_hz = rfftfreq(n_fft, 1.0 / SAMPLE_RATE_HZ).astype(np.float32)
    n_below = int(np.searchsorted(f_hz, LOWEST_HZ))
    spectrum = rng.standard_normal(2 * len(f_hz), np.float32).view(np.complex64)
    spectrum *= gain(np.maximum(f_hz, np.float32(LOWEST_HZ)))
    spectrum[:n_below] *= (f_hz[:n_below] / np.float32(LOWEST_HZ)) ** 2
    return np.asarray(irfft(spectrum, n_fft)[:n_samples], np.float32)


def _skirt(f_hz: Samples, corner_hz: float) -> Samples:
    """A Butterworth low-pass of second order: 3 dB down at the corner, 12 dB an octave beyond."""
    return np.asarray(1.0 / np.sqrt(1.0 + np.square(np.square(f_hz / np.float32(corner_hz)))), np.float32)


def _resonator(f_hz: float, decay_s: float) -> tuple[list[float], list[float]]:
    """A filter that, once struck, rings at `f_hz` and falls to 1/e in `decay_s`: numerator, denominator."""
    radius = np.exp(-1.0 / (decay_s * SAMPLE_RATE_HZ))
    turn = np.cos(2 * np.pi * f_hz / SAMPLE_RATE_HZ)
    return [1.0, -radius * turn], [1.0, -2.0 * radius * turn, radius**2]


def _struck(attack_s: float, *modes: tuple[float, float, float]) -> Samples:
    """What rings at some Hz each, falls to 1/e in some seconds and has some amplitude; to 1/1000 of the longest."""
    t_s = np.arange(1, int(7.0 * max(decay_s for _, decay_s, _ in modes) * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    rings = [amplitude * np.exp(-t_s / decay_s) * np.cos(2 * np.pi * f_hz * t_s) for f_hz, decay_s, amplitude in modes]
    return np.asarray((1.0 - np.exp(-t_s / attack_s)) * np.sum(rings, axis=0), np.float32)


def _add(total: Samples, at_sample: int, sound: Samples) -> None:
    part = total[at_sample : at_sample + len(sound)]
    part += sound[: len(part)]
