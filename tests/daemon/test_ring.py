"""The ring between two threads: nothing lost or torn, and a hole that can be seen when it was full."""

from __future__ import annotations

import sys
import threading
from typing import Any, Iterator

import numpy as np
import pytest

from daemon.capture.ring import BlockRing
from daemon.events import Block

N_BLOCKS = 10000
BLOCK_SAMPLES = 4096  # large enough for numpy to let other threads run while it copies


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads change as often as they can: what may be torn will be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def length(number: Any) -> Any:
    return BLOCK_SAMPLES - number % 1000


def numbered(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """A block whose every sample, and whose length, tell its number."""
    return np.full(length(number), number % 32768, np.int16)


def require_whole(block: Block, number: int) -> None:
    assert len(block.samples) == length(number)
    assert (block.samples == number % 32768).all()
    assert block.captured_ns == 7 * number


def starts(n_blocks: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Where each numbered block begins in the stream."""
    lengths = length(np.arange(n_blocks))
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


@pytest.mark.usefixtures("restless_threads")
def test_nothing_is_lost_or_torn_between_two_threads() -> None:
    ring = BlockRing(n_slots=8, max_block_samples=BLOCK_SAMPLES)
    room = threading.Semaphore(8)

    want_starts = starts(N_BLOCKS)

    def write() -> None:
        for number in range(N_BLOCKS):
            room.acquire()
            ring.write(numbered(number), int(want_starts[number]), 7 * number)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    number = 0
    while number < N_BLOCKS:
        block = ring.read()
        if block is None:
            continue
        require_whole(block, number)
        assert block.start_sample == want_starts[number]
        number += 1
        room.release()
    writer.join()
    assert ring.read() is None
    assert ring.overrun_samples == 0


@pytest.mark.usefixtures("restless_threads")
def test_a_full_ring_drops_what_comes_counts_it_and_shows_the_hole() -> None:
    ring = BlockRing(n_slots=4, max_block_samples=BLOCK_SAMPLES)
    ended = threading.Event()
    where = starts(N_BLOCKS)

    def write() -> None:
        for number in range(N_BLOCKS):
            ring.write(numbered(number), int(where[number]), 7 * number)
        ended.set()

    numbers = {int(start): number for number, start in enumerate(where[:-1])}
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    position = n_heard = n_missing = 0
    while True:
        over = ended.is_set()
        block = ring.read()
        if block is None:
            if over:
                break
            continue
        require_whole(block, numbers[block.start_sample])
        assert block.start_sample >= position
        n_missing += block.start_sample - position
        position = block.end_sample
        n_heard += len(block.samples)
    writer.join()
    total = int(where[-1])
    assert n_heard + ring.overrun_samples == total
    assert n_missing + (total - position) == ring.overrun_samples


def test_when_full_the_oldest_stay() -> None:
    ring = BlockRing(n_slots=2, max_block_samples=4)
    for number in range(4):
        ring.write(np.full(4, number, np.int16), 4 * number, number)
    assert ring.overrun_samples == 8
    kept = [ring.read(), ring.read()]
    assert [(one.samples[0], one.start_sample) for one in kept if one] == [(0, 0), (1, 4)]
    assert ring.read() is None
    ring.write(np.full(4, 9, np.int16), 16, 9)
    last = ring.read()
    assert last is not None
    assert (last.start_sample, last.end_sample, last.captured_ns) == (16, 20, 9)


def test_a_block_that_was_read_is_never_written_over() -> None:
    ring = BlockRing(n_slots=1, max_block_samples=4)
    assert ring.empty
    ring.write(np.full(4, 1, np.int16), 0, 0)
    assert not ring.empty
    first = ring.read()
    ring.write(np.full(4, 2, np.int16), 4, 0)
    assert first is not None
    assert first.samples.tolist() == [1, 1, 1, 1]
