"""The noise that goes on, and what stands out of it."""

from __future__ import annotations

from itertools import takewhile

import numpy as np

from dsp.params import whole_samples

EDGES_HZ = (150, 500, 800, 1200, 1800, 2600, 3600, 5000, 7000)
"""Of the bands that are listened to: below is what a car rumbles with, and little of a voice."""
STANDS_OUT_DB = 8.0
"""Above the noise, in one band at least. Chosen on RAVDESS and nEMO in a cabin's noise: at 9 more of the speech is lost, at 7
more noise is let through."""
KEPT = 0.8
"""Of the power before, from frame to frame: the mean of some 90 ms."""
FIRST_FRAMES = 5
"""Of a stream: only a mean of so many at least is worth comparing with."""
FRAMES_A_BLOCK, N_BLOCKS = 10, 15
"""The noise is the least power of the newest blocks, 3 s: nobody speaks so long without a gap in every band."""
LEAST_POWER = 1e3
"""Of a bin, added to it: that of white noise of 3 steps of 16 bit. Above digital silence not all that is heard stands out."""


class NoiseFloor:
    """Follows the noise in each band by its least power: minimum statistics, after Martin (2001), with no correction."""

    def __init__(self, sample_rate_hz: int, frame_ms: float) -> None:
        frame_samples = whole_samples(frame_ms, sample_rate_hz)
        edges_hz = list(takewhile(lambda edge_hz: edge_hz <= sample_rate_hz / 2, EDGES_HZ))
        edges = [round(edge_hz * frame_samples / sample_rate_hz) for edge_hz in edges_hz]
        self._taper = np.hanning(frame_samples)
        self._starts, self._end = np.array(edges[:-1]), edges[-1]
        self._n_bins = np.diff(edges)
        self._power = np.zeros(len(self._starts))
        self._least = np.full((N_BLOCKS, len(self._starts)), np.inf)
        self._n_frames = 0
        self._ratio = 10.0 ** (STANDS_OUT_DB / 10.0)

    def stands_out(self, frame: bytes) -> bool:
        """Whether the next frame does, int16; the first ones of a stream do not."""
        samples = np.frombuffer(frame, np.int16)
        spectrum = np.fft.rfft(samples * self._taper)[: self._end]
        power = np.add.reduceat(spectrum.real**2 + spectrum.imag**2, self._starts) / self._n_bins + LEAST_POWER
        self._power += max(1.0 - KEPT, 1.0 / (self._n_frames + 1)) * (power - self._power)
        block, at = divmod(self._n_frames, FRAMES_A_BLOCK)
        self._n_frames += 1
        if self._n_frames < FIRST_FRAMES:
            return False
        newest = self._least[block % N_BLOCKS]
        np.minimum(newest if at else np.inf, self._power, out=newest)
        return bool(np.any(self._power >= self._ratio * self._least.min(axis=0)))
