"""What a seat gets to know of its speaker: running statistics of what was said there. Numbers, no sound, no labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Heard:
    """Means of the utterances heard so far, or of one. Zero utterances: nothing."""

    log_mel: NDArray[np.float32]
    """(n_mels,), of the frames."""
    n_frames: int
    functionals: NDArray[np.float32]
    """(n_functionals,), of the utterances."""
    n_utterances: int
