"""The image that paper 2's network makes of a window, beside MATLAB's recipe and the image made offline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.offline import feature_frames
from dsp.params import FrontEndParams
from models.lab.images import spectrogram_image
from models.networks.jet_image import SIDE_PIXELS, JetImage, resize_matrix

RATE_HZ = 16000
FRONT_END = FrontEndParams(frame_ms=16.0, hop_ms=8.0, pre_emphasis=0.0, taper="hann", fft_samples=512, kinds=("power_db",))


def matlab_jet() -> NDArray[np.float64]:
    """(256, 3) as MATLAB's jet(256) builds it: a ramp up, a plateau, a ramp down, thrice, 64 colours apart."""
    hump = np.concatenate([np.arange(1, 65) / 64, np.ones(63), np.arange(64, 0, -1) / 64])
    table = np.zeros((256, 3))
    for colour, first in enumerate((96, 32, -32)):
        at = first + np.arange(len(hump))
        kept = (at >= 0) & (at < 256)
        table[at[kept], colour] = hump[kept]
    return table


def image_of(power_db: Tensor) -> Tensor:
    return JetImage(power_db.shape[1], power_db.shape[2])(power_db)  # type: ignore[no-any-return]


def speech_like(n_samples: int = 32000) -> NDArray[np.float32]:
    """A falling voice with pauses in a little noise."""
    rng = np.random.default_rng(0)
    t = np.arange(n_samples) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(220 - 40 * t + 15 * np.sin(2 * np.pi * 5 * t)) / RATE_HZ
    voice = sum(np.sin(n * phase) / n for n in range(1, 20)) * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, 1)
    return np.asarray(0.1 * voice + 0.001 * rng.standard_normal(n_samples), np.float32)


def test_whole_levels_have_the_colours_of_matlabs_table() -> None:
    # 224 x 224 pixels are not resized; MATLAB takes level 0 for 1
    levels = torch.arange(SIDE_PIXELS**2, dtype=torch.float32).reshape(1, SIDE_PIXELS, SIDE_PIXELS) % 256
    image = image_of(levels)[0].permute(2, 1, 0).numpy() / 255
    rows = np.maximum(levels[0].numpy().astype(int), 1) - 1
    np.testing.assert_allclose(image, matlab_jet()[rows], atol=1e-5)


@pytest.mark.parametrize("n_in", [100, 250, 257, 1000])
def test_it_resizes_as_torch_does_away_from_the_border(n_in: int) -> None:
    # at the border torch leaves out what MATLAB mirrors
    line = torch.randn(n_in, generator=torch.Generator().manual_seed(0))
    wanted = nn.functional.interpolate(
        line.view(1, 1, 1, -1), size=(1, SIDE_PIXELS), mode="bicubic", antialias=True, align_corners=False
    )
    got = resize_matrix(n_in, SIDE_PIXELS) @ line
    torch.testing.assert_close(got[5:-5], wanted.flatten()[5:-5], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n_in", [1, 2, 100, 224, 257])
def test_a_flat_image_stays_flat(n_in: int) -> None:
    matrix = resize_matrix(n_in, SIDE_PIXELS)
    assert matrix.shape == (SIDE_PIXELS, n_in)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(SIDE_PIXELS))
    torch.testing.assert_close(matrix, matrix.flip(0, 1))


def test_the_same_size_is_not_touched() -> None:
    torch.testing.assert_close(resize_matrix(SIDE_PIXELS, SIDE_PIXELS), torch.eye(SIDE_PIXELS))


def test_time_runs_to_the_right_and_low_frequencies_are_on_top() -> None:
    power_db = torch.full((1, 50, 65), -60.0)
    power_db[0, 40:, :10] = 0.0  # late and low
    red = image_of(power_db)[0, 0]
    assert red[:20, -30:].min() > 100
    assert red[60:].max() < 10
    assert red[:, :120].max() < 10


def test_digital_silence_is_one_colour() -> None:
    image = image_of(torch.full((2, 30, 65), -80.0))
    assert image.isfinite().all()
    np.testing.assert_allclose(image.amin(dim=(2, 3)), image.amax(dim=(2, 3)), atol=1e-3)


def test_a_gain_changes_nothing() -> None:
    power_db = torch.randn(1, 30, 65)
    torch.testing.assert_close(image_of(power_db + 20.0), image_of(power_db), atol=1e-2, rtol=1e-3)


def test_it_is_the_listings_image_but_for_rounding() -> None:
    frames = feature_frames(speech_like(), FRONT_END)
    levels = np.rint((frames - frames.min()) / (frames.max() - frames.min()) * 255).astype(int)
    coloured = torch.from_numpy(matlab_jet()[np.maximum(levels, 1) - 1]).permute(2, 1, 0).unsqueeze(0)
    resized = nn.functional.interpolate(coloured, size=(SIDE_PIXELS, SIDE_PIXELS), mode="bicubic", antialias=True)
    listed = (255 * resized[0].clamp(0, 1)).round()
    apart = (image_of(torch.from_numpy(frames).unsqueeze(0))[0] - listed)[:, 5:-5, 5:-5].abs()
    assert apart.mean() < 0.6
    assert apart.max() < 4


def test_it_is_close_to_the_image_made_offline() -> None:
    # that one is the right way up, has matplotlib's jet, a few colours off MATLAB's, and is resized bilinearly
    samples = speech_like()
    frames = torch.from_numpy(feature_frames(samples, FRONT_END))
    inside = image_of(frames.unsqueeze(0))[0].permute(1, 2, 0).numpy()
    offline = spectrogram_image(samples, RATE_HZ)[::-1].astype(np.float32)
    apart = np.abs(inside - offline)
    assert apart.mean() < 11
    assert apart.max() < 60
    assert np.corrcoef(inside.ravel(), offline.ravel())[0, 1] > 0.99
