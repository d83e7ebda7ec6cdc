"""From a labelled recording to the feature frames that a network is trained on."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from models.lab.corpora import Utterance, read_pcm
from models.lab.recipe import Recipe


def trim(samples: NDArray[np.float32], frame_samples: int, within_db: float) -> NDArray[np.float32]:
    """(n,) cut to the stretch between the first and the last frame within `within_db` of the loudest.

    At least two frames are kept, so that even a click makes a window. All of a silent recording is kept.
    """
    n_whole = len(samples) // frame_samples
    power = np.square(samples[: n_whole * frame_samples].astype(np.float64)).reshape(n_whole, frame_samples).mean(axis=1)
    if n_whole < 3 or power.max() == 0.0:
        return samples
    loud = np.flatnonzero(power >= power.max() * 10.0 ** (-within_db / 10.0))
    first = min(int(loud[0]), n_whole - 2)
    last = max(int(loud[-1]), first + 1)
    return samples[first * frame_samples : (last + 1) * frame_samples]


def trimmed(utterance: Utterance, recipe: Recipe) -> NDArray[np.float32]:
    """(n,) samples of the recording, cut by the recipe's `trim_db`. Raises LabError for one that cannot be read."""
    samples = float32_from_int16(read_pcm(utterance.path, recipe.front_end.sample_rate_hz))
    return trim(samples, recipe.front_end.frame_samples, recipe.trim_db)


def extract(utterances: Sequence[Utterance], recipe: Recipe) -> list[NDArray[np.float32]]:
    """One (n_frames, n_features) array an utterance. Raises LabError for a recording that cannot be read."""
    return [feature_frames(trimmed(utterance, recipe), recipe.front_end) for utterance in utterances]
