"""What a network is shown in an epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.offline import feature_frames
from dsp.params import LOG_MEL, MFCC, SPECTROGRAM, FrontEndParams
from models.lab.recipe import Augmentation
from models.lab.windows import SPECTRA, centres_hz, training_window
from tests.lab import tiny

FRONT_END = FrontEndParams(n_bands=64, n_mels=30, kinds=(SPECTROGRAM, MFCC, LOG_MEL))
RECIPE = replace(tiny.RECIPE, front_end=FRONT_END, window_frames=40)


def frames(n_frames: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).standard_normal((n_frames, FRONT_END.n_features)).astype(np.float32)


def test_unchanged_it_is_a_stretch_of_the_utterance_and_not_always_the_same() -> None:
    values = frames(100)
    starts = set()
    for seed in range(30):
        window = training_window(values, RECIPE, np.random.default_rng(seed))
        (start,) = np.flatnonzero(values[:61, 0] == window[0, 0])
        np.testing.assert_array_equal(window, values[start : start + 40])
        starts.add(int(start))
    assert len(starts) > 15


@pytest.mark.parametrize("n_frames", [1, 2, 39, 40, 41, 100])
@pytest.mark.parametrize(
    "change",
    [
        Augmentation(time_scale=0.3),
        Augmentation(frequency_scale=0.1),
        Augmentation(masks=2, mask_part=0.2, mask_bands=8),
        Augmentation(time_scale=0.1, frequency_scale=0.1, masks=1, mask_part=1.0, mask_bands=64),
    ],
    ids=["time", "frequency", "masks", "all"],
)
def test_changed_it_has_its_shape_differs_and_leaves_the_utterance_alone(n_frames: int, change: Augmentation) -> None:
    values = frames(n_frames)
    before = values.copy()
    recipe = replace(RECIPE, augment=change)
    windows = [training_window(values, recipe, np.random.default_rng(seed)) for seed in (0, 0, 1, 2)]
    assert {window.shape for window in windows} == {(40, FRONT_END.n_features)}
    assert all(window.dtype == np.float32 and np.isfinite(window).all() for window in windows)
    np.testing.assert_array_equal(windows[0], windows[1])
    if n_frames > 2:
        assert not np.array_equal(windows[0], windows[2]) or not np.array_equal(windows[0], windows[3])
    np.testing.assert_array_equal(values, before)


def test_masks_hide_bands_of_spectra_and_time_of_all_with_the_mean() -> None:
    values = frames(40)
    recipe = replace(RECIPE, augment=Augmentation(masks=1, mask_part=0.5, mask_bands=20))
    window = training_window(values, recipe, np.random.default_rng(4))
    mfcc = FRONT_END.columns(MFCC)
    hidden = ~np.isclose(window[:, mfcc], values[:, mfcc], atol=1e-5).all(axis=1)
    assert 0 < hidden.sum() <= 20
    np.testing.assert_allclose(window[hidden][:, mfcc], np.tile(values[:, mfcc].mean(axis=0), (hidden.sum(), 1)), atol=1e-5)
    spectrum = FRONT_END.columns(SPECTROGRAM)
    whole_bands = (np.abs(window[:, spectrum] - values[:, spectrum].mean()) < 1e-5).all(axis=0)
    assert 0 < whole_bands.sum() <= 20


@pytest.mark.parametrize("kind", SPECTRA)
def test_the_columns_of_a_spectrum_are_where_they_are_said_to_be(kind: str) -> None:
    front_end = FrontEndParams(n_bands=128, n_mels=40, pre_emphasis=0.0, kinds=(kind,))
    centres = centres_hz(kind, front_end)
    assert centres.shape == (front_end.width(kind),)
    for column in (5, 20, 35):
        tone = np.sin(2 * np.pi * centres[column] * np.arange(4000) / 16000).astype(np.float32)
        loudest = feature_frames(tone, front_end).mean(axis=0).argmax()
        assert loudest == column
