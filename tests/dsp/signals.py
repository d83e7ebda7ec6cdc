"""What the golden tests listen to, synthetic and real, and how near to a peer a feature has to be."""

from __future__ import annotations

import sys
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from dsp.params import FrontEndParams
from models.lab.corpora import EMODB, Utterance, corpora_root, find, read_pcm
from tests.daemon import recordings

Samples = NDArray[np.float32]
RATE_HZ = FrontEndParams().sample_rate_hz

needs_peers = pytest.mark.skipif(sys.version_info < (3, 10), reason="the peer libraries are test dependencies from 3.10 on")
"""From 3.10 on a peer that is not installed is a failure."""

needs_emodb = pytest.mark.skipif(
    not (corpora_root() / EMODB.folder).is_dir(), reason="EMO-DB is not at hand: set AFFECTD_CORPORA"
)


def speechlike(n_samples: int, seed: int = 0) -> Samples:
    """Harmonics of a gliding pitch in noise: loud and faint bands side by side."""
    rng = np.random.default_rng(seed)
    phase = np.cumsum(2 * np.pi * np.linspace(110, 230, n_samples) / RATE_HZ)
    voiced = sum((np.sin(k * phase) / k for k in range(1, 20)), np.zeros(n_samples))
    return (0.2 * voiced + 0.01 * rng.standard_normal(n_samples)).astype(np.float32)


def acted(a_speaker: int) -> list[Utterance]:
    """So many utterances of every speaker of EMO-DB, spread over what he or she says and how."""
    everything = find(EMODB, corpora_root())
    chosen = []
    for speaker in sorted({utterance.speaker for utterance in everything}):
        said = [utterance for utterance in everything if utterance.speaker == speaker]
        chosen += said[:: len(said) // a_speaker][:a_speaker]
    return chosen


def heard(utterance: Utterance) -> Samples:
    return float32_from_int16(read_pcm(utterance.path, RATE_HZ))


@lru_cache(maxsize=None)
def sound(name: str) -> Samples:
    """One of `SOUNDS`, as the front end hears it: real speech in 16 bits."""
    if name == "EMO-DB":
        return np.concatenate([heard(utterance) for utterance in acted(1)])
    return recordings.speech() if name == "cabin" else speechlike(2 * RATE_HZ)


SOUNDS = ["speechlike", "cabin", pytest.param("EMO-DB", marks=needs_emodb)]


def assert_near(got: NDArray[np.float32], wanted: NDArray[np.float64], tolerance: float, scale: object = 1.0) -> None:
    """No value is further from the peer's than `tolerance` of `scale`, which broadcasts against the values."""
    assert got.shape == wanted.shape
    assert len(got)
    assert np.isfinite(got).all()
    deviation = np.abs(got - wanted) / np.asarray(scale)
    assert deviation.max() <= tolerance, f"off by {deviation.max():.2e}, on average by {deviation.mean():.1e}"
