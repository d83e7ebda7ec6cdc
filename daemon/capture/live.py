"""A microphone as a source: it goes on whatever becomes of the device, and takes it up again when it can be had."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Any, Callable

import numpy as np

from daemon.capture import packets
from daemon.capture.liveness import HEALTHY, LATE_S, RECOVERING, SILENT, Counts, Liveness
from daemon.capture.packets import Ended, Found, Packet, Sound
from daemon.capture.process import CapturingProcess
from daemon.capture.resampler import Resampler
from daemon.capture.ring import BlockRing
from daemon.capture.timeline import Timeline
from daemon.errors import DeviceError
from daemon.events import Block
from daemon.service.journal import DEVICE_BACK, DEVICE_LOST, fields

logger = logging.getLogger(__name__)

RING_SECONDS = 10
LOOK_EVERY_S = 0.1
"""At least so often the thread looks what time it is."""
LEAVE_S = 5.0


class LiveMicrophone:
    """Captures one device by a process of its own, which a thread of its own starts, listens to, and ends.

    The loop only ever takes from a ring: nothing that a device or a sound server does holds it up. What the ring has for it
    is dropped once it is too old.
    """

    listening = True
    ended = False
    """A microphone never ends by itself."""

    def __init__(
        self,
        wanted: str,
        name: str,
        sample_rate_hz: int,
        block_samples: int,
        on_block: Callable[[], None],
        counts: Counts,
    ) -> None:
        """`wanted`: see `device.find`. `on_block` is called for each block and for each change; must not block."""
        self.name = name
        self.hearing = True
        """False once the device brings nothing, until it brings sound again. Only `read` changes it."""
        self.attended = 0
        """Grows while the thread does its work, whatever the device does."""
        self._wanted = wanted
        self._rate_hz = sample_rate_hz
        self._block_samples = block_samples
        self._on_block = on_block
        self._counts = counts
        self._ring = BlockRing(max(2, RING_SECONDS * sample_rate_hz // block_samples), block_samples)
        self._liveness = Liveness(time.monotonic(), counts, random.Random())
        self._timeline = Timeline(sample_rate_hz)
        self._process: CapturingProcess | None = None
        self._found: Found | None = None
        self._resampler: Resampler | None = None
        self._n_xruns = 0
        self._told = (RECOVERING, "")
        self._wrong_name = ""
        self._tried = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"microphone-{name}", daemon=True)
        self._thread.start()

    # ---- the loop's side ----

    def read(self) -> Block | None:
        """The oldest block not yet read that is not too old. Never waits, never raises."""
        if self._ring.empty:
            self.hearing = not self._liveness.deaf
            return None
        if not self.hearing:
            self.hearing = True
            return None
        block = self._ring.read()
        while block is not None and time.perf_counter_ns() - block.captured_ns > LATE_S * 1e9:
            self._counts.late_samples += len(block.samples)
            block = self._ring.read()
        return block

    def release(self) -> bool:
        """Begin to give the device back; True once that is done. Never waits."""
        self._stop.set()
        return not self._thread.is_alive()

    def close(self) -> None:
        """Give the device back; waits for that, LEAVE_S at most."""
        self._stop.set()
        self._thread.join(LEAVE_S)
        if self._thread.is_alive():
            logger.warning("source %s: its microphone could not be given back within %g s", self.name, LEAVE_S)

    # ---- anybody's ----

    def require_right_name(self, longest_s: float) -> None:
        """Wait for the first try, so long at most. Raises DeviceError where the name fits several devices.

        That is for a person to mend. A device that is not there may come.
        """
        self._tried.wait(longest_s)
        if self._wrong_name:
            raise DeviceError(self._wrong_name)

    def device(self) -> dict[str, Any]:
        """What /health says of the device."""
        alive, found = self._liveness, self._found
        told: dict[str, Any] = {
            "state": alive.state,
            "reason": alive.reason,
            "for_s": round(max(0.0, time.monotonic() - alive.since_s), 1),
            "wanted": self._wanted,
            "counts": self._counts.as_dict(),
        }
        if found is not None:
            told["name"], told["card_id"], told["usb_path"] = found.device.name, found.device.card_id, found.device.usb_path
        return told

    # ---- the thread's side ----

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.attended += 1
                if self._liveness.wait_s(time.monotonic()) == 0.0:
                    self._try()
                packet = self._next()
                if packet is None:
                    self._liveness.passed(time.monotonic())
                else:
                    self._take(packet)
                self._tell_change()
        finally:
            self._close_device()

    def _next(self) -> Packet | None:
        """What the process tells, or nothing once it is time to look about."""
        until_try_s = self._liveness.wait_s(time.monotonic())
        longest_s = LOOK_EVERY_S if until_try_s is None else min(LOOK_EVERY_S, until_try_s)
        if self._process is not None:
            return self._process.receive(longest_s)
        self._stop.wait(longest_s)
        return None

    def _try(self) -> None:
        """Open the device, in a new process: the old one may hang, and knows nothing of devices that came since."""
        if self._process is not None:
            self._process.end()
            self._process = None
        self._liveness.attempted(time.monotonic())
        self._timeline.opened()
        self._n_xruns = 0
        try:
            self._process = CapturingProcess("hear", self._wanted, str(self._rate_hz), str(self._block_samples))
        except DeviceError as trouble:
            self._liveness.failed(time.monotonic(), str(trouble))

    def _take(self, packet: Packet) -> None:
        if isinstance(packet, Sound):
            self._take_sound(packet)
        elif isinstance(packet, Found):
            self._found = packet
            self._tried.set()
            self._resampler = Resampler(packet.rate_hz, self._rate_hz) if packet.rate_hz != self._rate_hz else None
        elif isinstance(packet, Ended):
            self._take_end(packet)

    def _take_end(self, packet: Ended) -> None:
        assert self._process is not None
        self._process.end()
        self._process = None
        if packet.why == packets.LOST:
            self._liveness.lost(time.monotonic(), packet.reason)
        else:
            self._liveness.failed(time.monotonic(), packet.reason)
        if packet.why == packets.AMBIGUOUS:
            self._wrong_name = packet.reason

    def _take_sound(self, packet: Sound) -> None:
        assert self._found is not None
        self._counts.xruns += packet.n_xruns - self._n_xruns
        self._n_xruns = packet.n_xruns
        block = _mixed(packet, self._found.n_channels)
        if self._resampler is not None:
            block = self._resampler.push(block)
        placed = self._timeline.place(block, packet.n_xruns) if len(block.samples) else None
        if placed is None:
            return
        age_s = (time.perf_counter_ns() - placed.captured_ns) / 1e9
        self._liveness.heard(time.monotonic(), age_s, not placed.samples.any())
        self._write(placed)

    def _write(self, block: Block) -> None:
        """Into the ring, in pieces that fit: a resampler gives in bursts."""
        before = self._ring.overrun_samples
        for at in range(0, len(block.samples), self._block_samples):
            piece = block.samples[at : at + self._block_samples]
            younger = len(block.samples) - at - len(piece)
            self._ring.write(piece, block.start_sample + at, block.captured_ns - round(younger * 1e9 / self._rate_hz))
        self._counts.overrun_samples += self._ring.overrun_samples - before
        self._on_block()

    def _close_device(self) -> None:
        if self._process is not None:
            if self._liveness.hears:
                self._process.let_go()
            else:
                # it hangs, or is about to open what nobody wants
                self._process.end()
            self._process = None

    def _tell_change(self) -> None:
        """In the journal: each change, but not each try that ends as the one before it."""
        alive = self._liveness
        if alive.state != RECOVERING:
            self._tried.set()
        if alive.state == RECOVERING or (alive.state, alive.reason) == self._told:
            return
        self._told = (alive.state, alive.reason)
        if alive.state == HEALTHY:
            name = self._found.device.name if self._found else self._wanted
            logger.info("source %s: microphone healthy: %r is heard", self.name, name, extra=fields(DEVICE_BACK, self.name))
        elif alive.state == SILENT:
            logger.info("source %s: microphone silent: %s", self.name, alive.reason)
        else:
            lost = fields(DEVICE_LOST, self.name)
            logger.warning("source %s: microphone %s: %s; it is tried again", self.name, alive.state, alive.reason, extra=lost)
        self._on_block()


def _mixed(packet: Sound, n_channels: int) -> Block:
    """The mean of interleaved channels."""
    samples = np.frombuffer(packet.pcm, np.int16)
    if n_channels > 1:
        samples = np.rint(samples.reshape(-1, n_channels).mean(axis=1)).astype(np.int16)
    return Block(samples, packet.start_sample, packet.captured_ns)
