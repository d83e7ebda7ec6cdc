"""A microphone, by PyAudio: the only file that knows PortAudio, whose "frame" is our sample."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pyaudio

from daemon.capture.resampler import Resampler
from daemon.capture.ring import BlockRing
from daemon.errors import DeviceError
from daemon.events import Block

RING_SECONDS = 10
LONGEST_SILENCE_S = 5.0
CARDS = Path("/proc/asound")
_HW = re.compile(r"\s*\(hw:(\d+),\d+\)$")
# devices that exist on every Linux machine without a microphone, and the routing devices of NVIDIA's boards
_DUMMIES = re.compile(r"\b(null|dummy|loopback|ADMAIF\d*|APE|monitor of)\b", re.IGNORECASE)
_Handler = ctypes.CFUNCTYPE(None)


@dataclass(frozen=True)
class Device:
    """One input as PortAudio lists it. The index is of this moment only and is never shown."""

    index: int
    name: str
    """Without the (hw:1,0) that PortAudio appends: these numbers move."""
    card_id: str
    """ALSA's card id, stable where the index is not; empty for devices that are no card."""
    n_channels: int
    rate_hz: int

    @property
    def is_dummy(self) -> bool:
        """True for a device that never hears anything by itself."""
        return bool(_DUMMIES.search(self.name) or _DUMMIES.search(self.card_id))


def devices() -> list[Device]:
    """Every input, in PortAudio's order."""
    audio = _portaudio()
    try:
        return _devices(audio)
    finally:
        audio.terminate()


def default() -> Device | None:
    """The input that PortAudio would take by itself if it is a real one, else the first real one; None without any."""
    audio = _portaudio()
    try:
        real = [device for device in _devices(audio) if not device.is_dummy]
        if not real:
            return None
        try:
            preferred = int(audio.get_default_input_device_info()["index"])
        except OSError:
            return real[0]
        return next((device for device in real if device.index == preferred), real[0])
    finally:
        audio.terminate()


def find(wanted: str, known: list[Device]) -> Device:
    """The device of that card id, of that name, or the only one whose name contains it. Raises DeviceError."""
    for matches in (
        [device for device in known if wanted == device.card_id],
        [device for device in known if wanted == device.name],
        [device for device in known if wanted.lower() in device.name.lower()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = ", ".join(repr(device.name) for device in matches)
            raise DeviceError(f"microphone {wanted!r} fits {len(matches)} devices ({names}): give a longer name or a card id")
    names = ", ".join(repr(device.name) for device in known if not device.is_dummy)
    raise DeviceError(f"no microphone {wanted!r}: there is {names or 'none at all'}; plug it in, or see `affectd devices`")


class Microphone:
    """Captures one device into a ring. The callback copies, counts and returns."""

    listening = True

    def __init__(
        self, wanted: str, name: str, sample_rate_hz: int, block_samples: int, on_block: Callable[[], None] = lambda: None
    ) -> None:
        """`wanted`: see `find`. `on_block` is called from the callback and must not block. Raises DeviceError."""
        self.name = name
        self._on_block = on_block
        self._audio = _portaudio()
        self._stream: Any = None
        try:
            self.device = find(wanted, _devices(self._audio))
            self.n_channels, self.rate_hz = self._format(sample_rate_hz)
            n_ring = max(2, RING_SECONDS * sample_rate_hz // block_samples)
            block_samples = block_samples * self.rate_hz // sample_rate_hz
            self.ring = BlockRing(n_ring, block_samples * self.n_channels)
            self._open(block_samples)
        except BaseException:
            self._audio.terminate()
            raise
        self._resampler = Resampler(self.rate_hz, sample_rate_hz) if self.rate_hz != sample_rate_hz else None
        self._heard_ns = time.perf_counter_ns()
        self._is_frozen = False

    @property
    def ended(self) -> bool:
        """A microphone never ends by itself."""
        return False

    def read(self) -> Block | None:
        """The oldest block not yet read, at the rate that was asked for. Raises DeviceError when it has gone away."""
        block = self._next()
        while block is not None and not len(block.samples):
            # the resampler gives in bursts
            block = self._next()
        return block

    def close(self) -> None:
        """Give the device back. A frozen server would never take it: it is left to the end of the process."""
        if self._is_frozen:
            return
        self._stream.stop_stream()
        self._stream.close()
        self._audio.terminate()

    def _next(self) -> Block | None:
        block = self.ring.read()
        if block is None:
            self._require_alive()
            return None
        self._heard_ns = time.perf_counter_ns()
        if self.n_channels > 1:
            block = _mixed(block, self.n_channels)
        return block if self._resampler is None else self._resampler.push(block)

    def _require_alive(self) -> None:
        """A server that dies stops the stream, one that freezes only stops calling back: both end here."""
        silent_s = (time.perf_counter_ns() - self._heard_ns) / 1e9
        self._is_frozen = silent_s > LONGEST_SILENCE_S
        if self._is_frozen or not self._stream.is_active():
            raise DeviceError(
                f"microphone {self.device.name!r} of source {self.name!r} has delivered nothing for {silent_s:.1f} s: "
                "plug it in again or restart the sound server, then start affectd again"
            )

    def _format(self, sample_rate_hz: int) -> tuple[int, int]:
        """Channels and rate to open with: what is asked for, else what the device can, which is converted here."""
        for n_channels in sorted({1, self.device.n_channels}):
            for rate_hz in (sample_rate_hz, self.device.rate_hz):
                try:
                    if self._audio.is_format_supported(
                        rate_hz, input_device=self.device.index, input_channels=n_channels, input_format=pyaudio.paInt16
                    ):
                        return n_channels, rate_hz
                except ValueError:
                    continue
        raise DeviceError(
            f"microphone {self.device.name!r} cannot be opened at {sample_rate_hz} or {self.device.rate_hz} Hz: "
            "another program may hold it (stop it, or let it share the card)"
        )

    def _open(self, block_samples: int) -> None:
        try:
            self._stream = self._audio.open(
                rate=self.rate_hz,
                channels=self.n_channels,
                format=pyaudio.paInt16,
                input=True,
                input_device_index=self.device.index,
                frames_per_buffer=block_samples,
                stream_callback=self._callback,
            )
        except OSError as trouble:
            raise DeviceError(
                f"microphone {self.device.name!r} cannot be opened ({trouble.args[-1]}): another program may hold it"
            ) from trouble

    def _callback(self, in_data: bytes, _n_samples: int, _time: object, _status: int) -> tuple[None, int]:
        self.ring.write(np.frombuffer(in_data, np.int16), time.perf_counter_ns())
        self._on_block()
        return None, pyaudio.paContinue


def _mixed(block: Block, n_channels: int) -> Block:
    """The mean of interleaved channels; the ring counted the samples of all."""
    mean = block.samples.reshape(-1, n_channels).mean(axis=1)
    return Block(np.rint(mean).astype(np.int16), block.start_sample // n_channels, block.captured_ns)


def _devices(audio: pyaudio.PyAudio) -> list[Device]:
    found = []
    for index in range(audio.get_device_count()):
        about = audio.get_device_info_by_index(index)
        if about["maxInputChannels"] > 0:
            name = str(about["name"])
            found.append(
                Device(
                    index,
                    _HW.sub("", name).rstrip(),
                    _card_id(name),
                    int(about["maxInputChannels"]),
                    round(float(about["defaultSampleRate"])),
                )
            )
    return found


def _card_id(name: str) -> str:
    number = _HW.search(name)
    listing = CARDS / f"card{number.group(1)}" / "id" if number else None
    return listing.read_text().strip() if listing and listing.is_file() else ""


def _portaudio() -> pyaudio.PyAudio:
    """PortAudio without the hundred lines that ALSA and JACK write to stderr at each start."""
    for library, names in (
        ("asound", ["snd_lib_error_set_handler"]),
        ("jack", ["jack_set_error_function", "jack_set_info_function"]),
    ):
        path = ctypes.util.find_library(library)
        if path:
            for name in names:
                getattr(ctypes.CDLL(path), name)(_SILENCE)
    return pyaudio.PyAudio()


# kept for as long as the process lives: the C libraries hold its address
_SILENCE = _Handler(lambda: None)
