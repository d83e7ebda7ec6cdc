"""The picture of a spectrogram: where its rows, columns and colours are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray
from scipy import signal
from scipy.spatial import cKDTree

from models.lab.errors import LabError
from models.lab.images import SIDE_PIXELS, spectrogram_image

RATE_HZ = 16000
DARK_BLUE = (0, 0, 127)


def tone(frequency_hz: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate_hz)) / rate_hz).astype(np.float32)


def levels(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(224, 224): for each pixel the nearest of jet's 256 colours, so how loud it is."""
    return np.asarray(cKDTree(colormaps["jet"](np.arange(256), bytes=True)[:, :3]).query(image)[1])


def row_of(frequency_hz: float, rate_hz: int = RATE_HZ) -> float:
    """Where bin f / (rate / 512) of 257 comes to lie, row 223 being bin 0."""
    from_below = (frequency_hz * 512 / rate_hz + 0.5) * SIDE_PIXELS / 257
    return SIDE_PIXELS - 0.5 - from_below


@pytest.mark.parametrize("frequency_hz", [0.0, 500.0, 2000.0, 5000.0, 8000.0])
def test_a_tone_lies_in_its_row(frequency_hz: float) -> None:
    sound = tone(frequency_hz) if 0.0 < frequency_hz < 8000.0 else np.cos(2 * np.pi * frequency_hz * np.arange(8000) / RATE_HZ)
    image = spectrogram_image(sound.astype(np.float32), RATE_HZ)
    loudest = levels(image).mean(axis=1).argmax()
    assert abs(loudest - row_of(frequency_hz)) <= 1.0
    assert (loudest == 223) == (frequency_hz == 0.0)
    assert (loudest == 0) == (frequency_hz == 8000.0)


def test_a_frame_has_as_many_samples_at_every_rate() -> None:
    sound = tone(2000.0)
    np.testing.assert_array_equal(spectrogram_image(sound, 44100), spectrogram_image(sound, RATE_HZ))


def test_a_chirp_rises_from_left_to_right() -> None:
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = signal.chirp(seconds, f0=500.0, t1=2.0, f1=7500.0).astype(np.float32)
    loudest = levels(spectrogram_image(sound, RATE_HZ)).argmax(axis=0)
    wanted = [row_of(500.0 + 7000.0 * (column + 0.5) / SIDE_PIXELS) for column in range(SIDE_PIXELS)]
    assert np.abs(loudest - wanted).max() <= 4.0
    assert all(later <= earlier for earlier, later in pairwise(loudest[::8]))


def test_time_runs_to_the_right() -> None:
    sound = tone(2000.0)
    sound[:8000] *= np.float32(1e-4)
    by_column = levels(spectrogram_image(sound, RATE_HZ))[round(row_of(2000.0))]
    assert by_column[:105].max() < by_column[119:].min()


@pytest.mark.parametrize("n_samples", [256, 300, 16000, 100000])
def test_every_length_gives_the_same_shape(n_samples: int) -> None:
    image = spectrogram_image(np.random.default_rng(0).normal(0.0, 0.1, n_samples).astype(np.float32), RATE_HZ)
    assert image.shape == (SIDE_PIXELS, SIDE_PIXELS, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def test_the_spectrum_is_scipys() -> None:
    """Of 224 frames, so that only the rows are resized."""
    sound = np.random.default_rng(1).normal(0.0, 0.1, 256 + 223 * 128).astype(np.float32)
    shifts = signal.ShortTimeFFT(np.hanning(256), 128, RATE_HZ, mfft=512)
    magnitude = np.abs(shifts.stft(sound, p0=1, p1=225))
    wanted_db = 20.0 * np.log10(magnitude[::-1])
    scaled = (wanted_db - wanted_db.min()) / np.ptp(wanted_db) * 255
    # from 257 rows to 224, each the mean of about what it covers
    rows = np.array([scaled[int(257 * row / 224) : int(np.ceil(257 * (row + 1) / 224))].mean(axis=0) for row in range(224)])
    got = levels(spectrogram_image(sound, RATE_HZ))
    assert np.corrcoef(got.ravel(), rows.ravel())[0, 1] > 0.95
    assert abs(got.mean() - rows.mean()) < 3.0


def test_silence_is_one_colour_and_a_loud_click_has_both_ends_of_jet() -> None:
    assert (spectrogram_image(np.zeros(8000, np.float32), RATE_HZ) == DARK_BLUE).all()
    click = np.zeros(8000, np.float32)
    click[4000:4256] = 1.0
    image = spectrogram_image(click, RATE_HZ).reshape(-1, 3)
    assert (image == DARK_BLUE).all(axis=1).any()
    assert image[:, 0].max() > 127


def test_louder_is_the_same_picture_where_rounding_plays_no_part() -> None:
    sound = np.random.default_rng(2).normal(0.0, 0.1, 16000).astype(np.float32)
    louder = spectrogram_image(np.float32(4.0) * sound, RATE_HZ).astype(int)
    assert np.abs(louder - spectrogram_image(sound, RATE_HZ)).max() <= 8


@pytest.mark.parametrize(
    ("samples", "rate_hz", "says"),
    [
        (np.zeros(0, np.float32), RATE_HZ, "0 samples: want one frame at least, 256"),
        (np.zeros(255, np.float32), RATE_HZ, "255 samples"),
        (np.zeros((2, 4000), np.float32), RATE_HZ, r"got \(2, 4000\) float32"),
        (np.zeros(4000), RATE_HZ, "float64"),
        (np.full(4000, np.nan, np.float32), RATE_HZ, "sample 0 is nan"),
        (np.zeros(4000, np.float32), 0, "sample_rate_hz is 0"),
    ],
)
def test_what_is_no_recording_is_refused(samples: NDArray[np.float32], rate_hz: int, says: str) -> None:
    with pytest.raises(LabError, match=says):
        spectrogram_image(samples, rate_hz)
