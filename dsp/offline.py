"""Feature frames of a whole recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp import framing
from dsp.frontend import FrontEnd
from dsp.params import FrontEndParams


def feature_frames(samples: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float32]:
    """(n,) float32, full scale 1.0 -> (n_frames, n_features) float32; no frames from less than one frame's samples.

    The same bits that `OnlineFrontEnd` gives for the same samples, however they are cut. Raises ShapeError.
    """
    samples = framing.require_mono_f32(samples)
    count = framing.n_frames(len(samples), params)
    out = np.empty((count, params.n_features), np.float32)
    signal = np.concatenate([np.zeros(1, np.float32), samples])
    FrontEnd(params).fill(signal, 1, count, out)
    return out
