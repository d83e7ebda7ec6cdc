"""Made-up speakers for the tests: summaries of utterances as numbers, no sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.params import FrontEndParams
from dsp.running_functionals import KINDS_WANTED, n_functionals
from models.adaptation import Heard

FRONT_END = FrontEndParams(n_mels=16, n_mfcc=2, kinds=KINDS_WANTED)
LONG_FRAMES = 200


class Voice:
    """Somebody whose utterances lie around a centre of their own."""

    def __init__(self, seed: int, apart: float = 1.0) -> None:
        self._rng = np.random.default_rng(seed)
        self.centre = self._rng.normal(0.0, apart, n_functionals(FRONT_END))

    def says(self, n_frames: int = LONG_FRAMES) -> Heard:
        """One more utterance."""
        functionals = self.centre + self._rng.normal(size=len(self.centre))
        log_mel: NDArray[np.float64] = self._rng.normal(-8.0, 2.0, FRONT_END.n_mels)
        return Heard(log_mel.astype(np.float32), n_frames, functionals.astype(np.float32), 1)
