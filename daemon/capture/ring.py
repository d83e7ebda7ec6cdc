"""The ring between a capturing thread and the loop: one writer, one reader, no lock, nothing allocated while writing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.events import Block


class BlockRing:
    """Holds the newest blocks. When it is full, sound that comes is dropped and counted, and positions show the hole.

    Each side writes only its own counter, and a slot is filled before it is counted.
    """

    def __init__(self, n_slots: int, max_block_samples: int) -> None:
        self._samples = np.zeros((n_slots, max_block_samples), np.int16)
        self._about = np.zeros((n_slots, 3), np.int64)
        self._n_slots = n_slots
        self._n_written = 0
        self._n_read = 0
        self.overrun_samples = 0
        """Samples that found the ring full."""

    @property
    def empty(self) -> bool:
        """Reader's side: nothing is there to read."""
        return self._n_read == self._n_written

    def write(self, samples: NDArray[np.int16], start_sample: int, captured_ns: int) -> None:
        """Writer's side: copy (n,) int16, at most `max_block_samples`, or drop them."""
        n = len(samples)
        if self._n_written - self._n_read < self._n_slots:
            slot = self._n_written % self._n_slots
            self._samples[slot, :n] = samples
            self._about[slot] = start_sample, n, captured_ns
            self._n_written += 1
        else:
            self.overrun_samples += n

    def read(self) -> Block | None:
        """Reader's side: the oldest block, or None."""
        if self.empty:
            return None
        slot = self._n_read % self._n_slots
        start, n, captured_ns = (int(value) for value in self._about[slot])
        block = Block(self._samples[slot, :n].copy(), start, captured_ns)
        self._n_read += 1
        return block
