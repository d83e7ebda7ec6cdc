"""The window of an utterance that a network is shown in an epoch: cut at random, and changed a little if the recipe says so."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp.params import LOG_MEL, POWER_DB, SPECTROGRAM, FrontEndParams
from dsp.window import tile
from models.lab import augment
from models.lab.recipe import Recipe

SPECTRA = (SPECTROGRAM, LOG_MEL, POWER_DB)
"""Kinds whose columns are neighbours in frequency."""


def training_window(frames: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n_frames, n_features) -> (window_frames, n_features). An utterance that is too short is repeated."""
    change = recipe.augment
    if not change.time_scale:
        window = _cut(frames, recipe.window_frames, rng)
    else:
        scale = math.exp(rng.uniform(-change.time_scale, change.time_scale))
        cut = _cut(frames, max(2, round(recipe.window_frames / scale)), rng)
        window = augment.time_warped(cut, recipe.window_frames / len(cut))
    for kind in (kind for kind in recipe.front_end.kinds if change.frequency_scale or change.masks):
        window = _of_kind(window, kind, recipe, rng)
    return window


def _cut(frames: NDArray[np.float32], n_frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    if len(frames) <= n_frames:
        return tile(frames, n_frames)
    start = int(rng.integers(len(frames) - n_frames + 1))
    return frames[start : start + n_frames]


def _of_kind(window: NDArray[np.float32], kind: str, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    change = recipe.augment
    columns = recipe.front_end.columns(kind)
    values = window[:, columns]
    if kind in SPECTRA and change.frequency_scale:
        values = augment.warp_frequency(values, rng, centres_hz(kind, recipe.front_end), change.frequency_scale)
    if change.masks:
        # what is hidden becomes the mean, which a network that standardises its input sees as nothing at all
        widest = change.mask_bands if kind in SPECTRA else 0
        mean = values.mean(axis=0, keepdims=True) if kind not in SPECTRA else values.mean(keepdims=True)
        values = augment.mask(values - mean, rng, change.masks, change.mask_part, widest) + mean
    changed = window.copy()
    changed[:, columns] = values
    return changed


def centres_hz(kind: str, front_end: FrontEndParams) -> NDArray[np.float64]:
    """(width,) middle frequencies of the columns of a kind among `SPECTRA`."""
    if kind == LOG_MEL:
        return augment.mel_centres_hz(front_end.n_mels, front_end.f_min_hz, front_end.f_max_hz, front_end.mel_scale)
    bin_hz = front_end.sample_rate_hz / front_end.n_fft
    if kind == POWER_DB:
        return np.asarray(np.arange(front_end.width(kind)) * bin_hz, np.float64)
    bins_a_band = front_end.n_fft // 2 // front_end.n_bands
    lowest_bins = 1.0 + np.arange(front_end.n_bands, dtype=np.float64) * bins_a_band
    return np.asarray((lowest_bins + (bins_a_band - 1) / 2.0) * bin_hz, np.float64)
