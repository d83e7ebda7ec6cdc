"""From a device's rate to the model's, when the device cannot do it itself."""

from __future__ import annotations

import soxr

from daemon.events import Block


class Resampler:
    """Blocks at the device's rate to blocks at ours. At a hole it begins anew, and the hole keeps its length."""

    def __init__(self, device_hz: int, our_hz: int) -> None:
        self._device_hz = device_hz
        self._our_hz = our_hz
        self._device_end = 0
        self._position = 0
        self._stream = soxr.ResampleStream(device_hz, our_hz, 1, dtype="int16")

    def push(self, block: Block) -> Block:
        """What soxr can give after this block: often nothing, then a burst."""
        if block.start_sample != self._device_end:
            self._stream = soxr.ResampleStream(self._device_hz, self._our_hz, 1, dtype="int16")
            self._position = round(block.start_sample * self._our_hz / self._device_hz)
        self._device_end = block.end_sample
        samples = self._stream.resample_chunk(block.samples)
        start = self._position
        self._position += len(samples)
        # soxr holds the newest sound back: what it gives is older than the block
        held_s = self._device_end / self._device_hz - self._position / self._our_hz
        return Block(samples, start, block.captured_ns - max(0, round(held_s * 1e9)))
