"""The spectrogram of a whole recording as a picture: what paper 2 shows its network, and what a person looks at.

`models.networks.jet_image` makes the picture of a window inside a network instead, upside down as the paper's listing
stores it.
"""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from dsp.errors import SampleError, ShapeError
from dsp.offline import feature_frames
from dsp.params import POWER_DB, FrontEndParams
from models.lab.errors import LabError

SIDE_PIXELS = 224
FRAME_SAMPLES = 256
HOP_SAMPLES = 128
FFT_SAMPLES = 512
N_COLOURS = 256
LEAST_RANGE_DB = 1e-3
"""Between the least and the greatest value: digital silence stays one colour."""


def spectrogram_image(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.uint8]:
    """(n,) float32, full scale 1.0 -> (224, 224, 3) red, green, blue.

    20 log10 of the magnitude under a Hann taper of 256 samples every 128, FFT of 512, scaled to 0..255 from the recording's
    least to its greatest value, coloured by the table jet, resized bilinearly (antialiased). Time runs to the right; row 223
    is 0 Hz, row 0 half the sample rate. Nothing is resampled: the paper's rate is 16 kHz.

    After the listing of paper 2, with four differences. It draws 0 Hz on top; its jet and its bicubic resize are MATLAB's;
    and it keeps zeros from the logarithm with 2e-16, so that a few digital zeros take most of the colours, where here it is
    the power of 16-bit rounding.

    Raises LabError for another shape or dtype, samples that are no sound, a rate below 1 Hz, and less than 256 samples.
    """
    levels = _levels(_power_db(samples, sample_rate_hz))
    colours = np.asarray(colormaps["jet"].resampled(N_COLOURS)(np.arange(N_COLOURS), bytes=True)[:, :3], np.uint8)
    upright = np.ascontiguousarray(colours[levels.T[::-1]])
    resized = Image.fromarray(upright).resize((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.BILINEAR)
    return np.array(resized, np.uint8)


def _power_db(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    """(n_frames, 257), at least one frame."""
    if sample_rate_hz < 1:
        raise LabError(f"image: sample_rate_hz is {sample_rate_hz}: want a rate above zero")
    params = FrontEndParams(
        sample_rate_hz=sample_rate_hz,
        frame_ms=1000.0 * FRAME_SAMPLES / sample_rate_hz,
        hop_ms=1000.0 * HOP_SAMPLES / sample_rate_hz,
        pre_emphasis=0.0,
        taper="hann",
        fft_samples=FFT_SAMPLES,
        kinds=(POWER_DB,),
    )
    try:
        frames = feature_frames(samples, params)
    except (ShapeError, SampleError) as trouble:
        raise LabError(f"image: {trouble}") from trouble
    if not len(frames):
        raise LabError(f"image: {len(samples)} samples: want one frame at least, {FRAME_SAMPLES}")
    return frames


def _levels(power_db: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scaled to 0..255 and rounded; the same shape."""
    low, high = float(power_db.min()), float(power_db.max())
    share: NDArray[np.float32] = (power_db - low) / max(high - low, LEAST_RANGE_DB)
    return np.rint(share * (N_COLOURS - 1)).astype(np.uint8)
