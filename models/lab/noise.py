"""Noise to train against. No recording of a moving car's cabin is at hand, so that of a cabin is made up, and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.lab.corpora import read_pcm
from models.lab.corpora.corpus import SUFFIXES, NotAtHand

FOLDER = "NOISE"
SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power falls with frequency to this power."""

N_HARMONICS = 7
_LOWEST_HZ = 20.0


def coloured(colour: str, n_samples: int, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n_samples,) of white, pink or brown Gaussian noise of mean power 1; below 20 Hz it rises no further."""
    return _shaped(n_samples, sample_rate_hz, SLOPES[colour], np.inf, rng)


def cabin(n_samples: int, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n_samples,) like a moving car's cabin, of mean power 1: road, wind and the engine, in drawn proportions.

    Brown noise low-passed somewhere between 0.3 and 1.2 kHz, pink noise low-passed between 1.5 and 5 kHz, and 7 harmonics of
    a fundamental that moves between 25 and 70 Hz. Synthetic: how far a real cabin is from it is not known.
    """
    road = _shaped(n_samples, sample_rate_hz, SLOPES["brown"], float(rng.uniform(300.0, 1200.0)), rng)
    wind = _shaped(n_samples, sample_rate_hz, SLOPES["pink"], float(rng.uniform(1500.0, 5000.0)), rng)
    engine = _engine(n_samples, sample_rate_hz, rng)
    wind_db, engine_db = rng.uniform(-20.0, -3.0), rng.uniform(-15.0, 3.0)
    return _of_power_one(road + 10.0 ** (wind_db / 20.0) * wind + 10.0 ** (engine_db / 20.0) * engine)


def recorded(root: Path, sample_rate_hz: int) -> dict[str, NDArray[np.int16]]:
    """The recordings of the folder NOISE under `root` by name. Raises NotAtHand when that is not there or empty."""
    paths = sorted(path for path in (root / FOLDER).glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise NotAtHand(f"no recordings in {root / FOLDER}; set AFFECTD_CORPORA to the folder that holds {FOLDER}/")
    return {path.stem: read_pcm(path, sample_rate_hz) for path in paths}


def _shaped(
    n_samples: int, sample_rate_hz: int, slope: float, low_pass_hz: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    f_hz = np.maximum(np.fft.rfftfreq(n_samples, 1.0 / sample_rate_hz), _LOWEST_HZ)
    # a Butterworth's skirt of second order
    shape = f_hz ** (-slope / 2.0) / np.sqrt(1.0 + (f_hz / low_pass_hz) ** 4)
    shape[0] = 0.0
    return _of_power_one(np.fft.irfft(spectrum * shape, n_samples))


def _engine(n_samples: int, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    # the speed at a few times, a second or so apart, and straight lines between
    n_speeds = max(2, n_samples // sample_rate_hz + 1)
    speeds_hz = rng.uniform(25.0, 70.0) + np.cumsum(rng.uniform(-5.0, 5.0, n_speeds))
    f_hz = np.interp(np.linspace(0, n_speeds - 1, n_samples), np.arange(n_speeds), np.clip(speeds_hz, 25.0, 70.0))
    turns = np.cumsum(f_hz) / sample_rate_hz
    phases, loudness = rng.uniform(0.0, 1.0, N_HARMONICS), rng.uniform(0.3, 1.0, N_HARMONICS)
    waves = [loudness[k] / (k + 1) * np.sin(2 * np.pi * ((k + 1) * turns + phases[k])) for k in range(N_HARMONICS)]
    return _of_power_one(np.sum(waves, axis=0))


def _of_power_one(samples: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float32]:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return np.asarray(samples / np.sqrt(power), np.float32)
