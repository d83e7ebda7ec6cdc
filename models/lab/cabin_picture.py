"""A picture of the noise that is made up: how each kind and a drive of them run through time, and their spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT

from models.lab.cabin_noise import KINDS, drive
from models.lab.car_sounds import LOWEST_HZ, SAMPLE_RATE_HZ, Samples
from models.lab.pictures import BLUE, GREY, defaults, new_figure, save

DURATION_S = 8.0
RANGE_DB = 70.0
N_ROWS = 240
"""Of a picture, evenly spaced in octaves."""
TICKS_HZ = (30, 100, 300, 1000, 3000, 8000)
_FRAME_SAMPLES = SAMPLE_RATE_HZ // 8
_HOP_SAMPLES = SAMPLE_RATE_HZ // 100


def draw_kinds(path: Path, seed: int = 4, n_columns: int = 4) -> None:
    """A spectrogram over a spectrum for each of KINDS, and for a drive of all of them; by seed 4 gears are shifted."""
    shown: dict[str, tuple[str, ...]] = {**{name: (name,) for name in KINDS}, "a drive": tuple(KINDS)}
    n_rows = -(-len(shown) // n_columns)
    with defaults():
        figure = new_figure(2.9 * n_columns, 4.4 * n_rows)
        panels = figure.subplots(2 * n_rows, n_columns, squeeze=False, height_ratios=(3, 2) * n_rows)
        for axes in panels.ravel():
            axes.set_axis_off()
        for k, (name, kinds) in enumerate(shown.items()):
            row, column = divmod(k, n_columns)
            samples = drive(int(DURATION_S * SAMPLE_RATE_HZ), np.random.default_rng(seed), kinds)
            power, f_hz = _power(samples)
            panels[2 * row, column].set_title(name, fontsize=10)
            _spectrogram(panels[2 * row, column], power, labelled=column == 0)
            _spectrum(panels[2 * row + 1, column], power, f_hz, labelled=column == 0)
        save(figure, path)


def _power(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N_ROWS, n_frames) of power at (N_ROWS,) frequencies, octave after octave evenly."""
    frames = ShortTimeFFT(np.hanning(_FRAME_SAMPLES), _HOP_SAMPLES, SAMPLE_RATE_HZ)
    n_edge = _FRAME_SAMPLES // _HOP_SAMPLES
    power = np.asarray(frames.spectrogram(samples))[:, n_edge:-n_edge]
    f_hz = np.geomspace(LOWEST_HZ, SAMPLE_RATE_HZ / 2, N_ROWS)
    at = np.interp(f_hz, frames.f, np.arange(len(frames.f)))
    low = at.astype(np.int64)
    part = (at - low)[:, np.newaxis]
    return (1.0 - part) * power[low] + part * power[np.minimum(low + 1, len(power) - 1)], f_hz


def _spectrogram(axes: Axes, power: NDArray[np.float64], labelled: bool) -> None:
    power_db = 10.0 * np.log10(power + 1e-20)
    octaves = np.log2(LOWEST_HZ), np.log2(SAMPLE_RATE_HZ / 2)
    axes.set_axis_on()
    axes.imshow(
        power_db - power_db.max(),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0.0,
        extent=(0.0, power.shape[1] * _HOP_SAMPLES / SAMPLE_RATE_HZ, *octaves),
    )
    axes.set_yticks(np.log2(TICKS_HZ), [f"{hz:g}" for hz in TICKS_HZ])
    axes.tick_params(labelsize=8, labelleft=labelled)
    axes.set_xlabel("s", fontsize=8)
    if labelled:
        axes.set_ylabel("Hz")


def _spectrum(axes: Axes, power: NDArray[np.float64], f_hz: NDArray[np.float64], labelled: bool) -> None:
    mean_db = 10.0 * np.log10(power.mean(axis=1))
    axes.set_axis_on()
    axes.semilogx(f_hz, mean_db - mean_db.max(), color=BLUE, linewidth=0.8)
    axes.semilogx(f_hz, -6.02 * np.log2(f_hz / 50.0), color=GREY, linewidth=0.8, linestyle="--", label="6 dB an octave")
    axes.set_ylim(-RANGE_DB, 5.0)
    axes.set_xticks(TICKS_HZ, [f"{hz:g}" for hz in TICKS_HZ])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=8, labelleft=labelled)
    axes.set_xlabel("Hz", fontsize=8)
    if labelled:
        axes.set_ylabel("mean power, dB")
        axes.legend(frameon=False, fontsize=8)
