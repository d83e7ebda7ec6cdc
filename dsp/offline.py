"""Feature frames of a whole recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp import framing
from dsp.frontend import FrontEnd, take_samples
from dsp.params import FrontEndParams


def feature_frames(samples: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float32]:
    """(n,) float32, full scale 1.0 -> (n_frames, n_features) float32; no frames from less than one frame's samples.

    The same bits that `OnlineFrontEnd` gives for the same samples, however they are cut. Samples below -200 dB of full
    scale count as zero; beyond full scale they are taken as they are. Raises ShapeError, and SampleError for a sample that is
    not finite.
    """
    samples = framing.require_mono_f32(samples)
    front_end = FrontEnd(params)
    signal = np.zeros(front_end.n_before + len(samples) + front_end.n_after, np.float32)
    take_samples(samples, signal, front_end.n_before)
    out = np.empty((framing.n_frames(len(samples), params), params.n_features), np.float32)
    front_end.fill(signal, front_end.n_before, len(out), out)
    return out
