"""Sound of a device that cannot be had at our rate: positions, holes and times stay those of the sound."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.capture.resampler import Resampler
from daemon.events import Block

OUR_HZ = 16000
TONE_HZ = 440.0


def tone(n_samples: int, rate_hz: int) -> NDArray[np.int16]:
    return np.rint(8000.0 * np.sin(2.0 * np.pi * TONE_HZ * np.arange(n_samples) / rate_hz)).astype(np.int16)


def push_all(resampler: Resampler, sound: NDArray[np.int16], rate_hz: int, start_sample: int = 0) -> list[Block]:
    n_block = rate_hz // 50
    given = []
    for at in range(0, len(sound) - n_block + 1, n_block):
        end = start_sample + at + n_block
        block = Block(sound[at : at + n_block], start_sample + at, round(end / rate_hz * 1e9))
        given.append(resampler.push(block))
    return [block for block in given if len(block.samples)]


@pytest.mark.parametrize("device_hz", [8000, 44100, 48000])
def test_the_sound_is_the_same_at_another_rate(device_hz: int) -> None:
    blocks = push_all(Resampler(device_hz, OUR_HZ), tone(2 * device_hz, device_hz), device_hz)
    assert blocks[0].start_sample == 0
    assert all(one.end_sample == other.start_sample for one, other in zip(blocks, blocks[1:]))
    heard = np.concatenate([block.samples for block in blocks]).astype(np.float64)
    wanted = tone(len(heard), OUR_HZ).astype(np.float64)
    middle = slice(2000, -2000)
    assert np.abs(heard[middle] - wanted[middle]).max() < 0.01 * 8000.0


@pytest.mark.parametrize("device_hz", [8000, 44100, 48000])
@pytest.mark.parametrize("n_blocks_before", [50, 51, 52])
def test_a_hole_keeps_its_length(device_hz: int, n_blocks_before: int) -> None:
    resampler = Resampler(device_hz, OUR_HZ)
    n_before = n_blocks_before * (device_hz // 50)
    before = push_all(resampler, tone(n_before, device_hz), device_hz)
    after = push_all(resampler, tone(device_hz, device_hz), device_hz, start_sample=n_before + device_hz)
    expected = round((n_before + device_hz) * OUR_HZ / device_hz)
    assert after[0].start_sample == expected
    # what soxr still held of the sound before is part of the hole, a second of nothing is most of it
    hole = after[0].start_sample - before[-1].end_sample
    assert OUR_HZ <= hole < 1.2 * OUR_HZ


@pytest.mark.parametrize("device_hz", [8000, 44100, 48000])
def test_a_block_is_as_old_as_its_newest_sample(device_hz: int) -> None:
    for block in push_all(Resampler(device_hz, OUR_HZ), tone(device_hz, device_hz), device_hz):
        assert block.captured_ns == pytest.approx(block.end_sample / OUR_HZ * 1e9, abs=1e6)
