"""Made-up sound for the tests: a string draws it, a 20 ms frame a character, `#` loud and `.` faint."""

from __future__ import annotations

from typing import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.events import Block

RATE_HZ = 16000
FRAME_SAMPLES = 320
FRAME_MS = 20
LOUD = 1000


def drawn(pattern: str, seed: int = 0) -> NDArray[np.int16]:
    """The sound of a pattern: noise of two levels, a `!` at full scale."""
    random = np.random.default_rng(seed)
    peak = {"#": 3000.0, ".": 60.0, "!": 400000.0}
    levels = np.repeat([peak[one] for one in pattern], FRAME_SAMPLES)
    noise = random.uniform(-1.0, 1.0, len(levels)) * levels
    # the first sample of a loud frame is loud for certain
    noise[::FRAME_SAMPLES] = levels[::FRAME_SAMPLES]
    return np.asarray(np.clip(np.rint(noise), -32768, 32767), np.int16)


def is_loud(frame: bytes) -> bool:
    """A detector that knows what `drawn` draws."""
    return bool(np.frombuffer(frame, np.int16).max() > LOUD)


def pieces(samples: NDArray[np.int16], cuts: Sequence[int]) -> Iterator[NDArray[np.int16]]:
    """The samples in pieces of these lengths, which come round again."""
    at = turn = 0
    while at < len(samples):
        piece = samples[at : at + cuts[turn % len(cuts)]]
        yield piece
        at, turn = at + len(piece), turn + 1


def blocks(samples: NDArray[np.int16], cuts: Sequence[int] = (FRAME_SAMPLES,), start_sample: int = 0) -> Iterator[Block]:
    """The same as a source would deliver them."""
    for piece in pieces(samples, cuts):
        end = start_sample + len(piece)
        yield Block(piece, start_sample, end * 1_000_000_000 // RATE_HZ)
        start_sample = end
