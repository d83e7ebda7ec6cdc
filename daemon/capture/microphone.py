"""The capturing process, by PyAudio: the only file that knows PortAudio, whose "frame" is our sample.

PortAudio never runs in the service itself. It lists devices once, so what is plugged in later is found only when every stream
of the process is closed; and while a sound server hangs its calls do not return, closing a stream included. A process of its
own has its own list, and can be ended whatever it hangs in.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Callable

import pyaudio

from daemon.capture import packets
from daemon.capture.device import AmbiguousDevice, Device, NoSuchDevice, cards, device, find
from daemon.errors import DeviceError

LOOK_EVERY_S = 0.1
_SET_PDEATHSIG = 1
_Handler = ctypes.CFUNCTYPE(None)


class Gone(DeviceError):
    """The stream has ended by itself."""


class Teller:
    """PortAudio's callback: copies, counts and returns. What the socket has no room for is lost, and positions show it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._position = 0
        self._n_xruns = 0

    def __call__(self, in_data: bytes, n_samples: int, _time: object, status: int) -> tuple[None, int]:
        """Tell of a block."""
        captured_ns = time.perf_counter_ns()
        self._n_xruns += bool(status & pyaudio.paInputOverflow)
        start = self._position
        self._position += n_samples
        try:
            self._link.send(packets.sound(in_data, start, captured_ns, self._n_xruns), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None, pyaudio.paContinue
        except OSError:
            return None, pyaudio.paAbort
        return None, pyaudio.paContinue


def hear(link: socket.socket, wanted: str, rate_hz: int, block_samples: int) -> None:
    """Capture a device until the service lets go. Raises DeviceError.

    `block_samples`: at `rate_hz`; the device may have another rate and more channels, which the service converts.
    """
    audio = _portaudio()
    chosen = find(wanted, _devices(audio))
    n_channels, device_hz = _format(audio, chosen, rate_hz)
    link.send(packets.found(chosen, n_channels, device_hz))
    stream = _open(audio, chosen, n_channels, device_hz, block_samples * device_hz // rate_hz, Teller(link))
    while stream.is_active():
        if select.select([link], [], [], LOOK_EVERY_S)[0]:
            # nothing is ever sent to here: the service has let go
            stream.stop_stream()
            stream.close()
            audio.terminate()
            return
    raise Gone("it was unplugged, or its sound server has ended")


def tell_devices(link: socket.socket) -> None:
    """Every input, in PortAudio's order."""
    audio = _portaudio()
    try:
        preferred = int(audio.get_default_input_device_info()["index"])
    except OSError:
        preferred = None
    link.send(packets.listed(_devices(audio), preferred))


def _devices(audio: pyaudio.PyAudio) -> list[Device]:
    known = cards()
    listed = (audio.get_device_info_by_index(index) for index in range(audio.get_device_count()))
    return [
        device(
            int(about["index"]), str(about["name"]), int(about["maxInputChannels"]), round(about["defaultSampleRate"]), known
        )
        for about in listed
        if about["maxInputChannels"] > 0
    ]


def _format(audio: pyaudio.PyAudio, chosen: Device, rate_hz: int) -> tuple[int, int]:
    """Channels and rate to open with: what is asked for, else what the device can."""
    for n_channels in sorted({1, chosen.n_channels}):
        for device_hz in (rate_hz, chosen.rate_hz):
            with suppress(ValueError):
                if audio.is_format_supported(
                    device_hz, input_device=chosen.index, input_channels=n_channels, input_format=pyaudio.paInt16
                ):
                    return n_channels, device_hz
    raise DeviceError(
        f"microphone {chosen.name!r} cannot be opened at {rate_hz} or {chosen.rate_hz} Hz: "
        "another program holds it (stop it, or let it share the card), or it is just going"
    )


def _open(
    audio: pyaudio.PyAudio, chosen: Device, n_channels: int, rate_hz: int, block_samples: int, callback: Callable[..., Any]
) -> Any:
    try:
        return audio.open(
            rate=rate_hz,
            channels=n_channels,
            format=pyaudio.paInt16,
            input=True,
            input_device_index=chosen.index,
            frames_per_buffer=block_samples,
            stream_callback=callback,
        )
    except OSError as trouble:
        raise DeviceError(
            f"microphone {chosen.name!r} cannot be opened ({trouble.args[-1]}): another program holds it, or it is just going"
        ) from trouble


def _portaudio() -> pyaudio.PyAudio:
    """PortAudio without the hundred lines that ALSA and JACK write to stderr at each start."""
    for library, names in (
        ("libasound.so.2", ["snd_lib_error_set_handler"]),
        ("libjack.so.0", ["jack_set_error_function", "jack_set_info_function"]),
    ):
        with suppress(OSError, AttributeError):
            loaded = ctypes.CDLL(library)
            for name in names:
                getattr(loaded, name)(_SILENCE)
    return pyaudio.PyAudio()


# kept for as long as the process lives: the C libraries hold its address
_SILENCE = _Handler(lambda: None)


def main(arguments: list[str]) -> None:
    """`list`, or `hear WANTED RATE_HZ BLOCK_SAMPLES`; the socket is on standard input. Ends when the service does."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
    # these reach a terminal's or a unit's whole group: the service says when it is over
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as link:
        try:
            if arguments[0] == "list":
                tell_devices(link)
            else:
                hear(link, arguments[1], int(arguments[2]), int(arguments[3]))
        except (NoSuchDevice, Gone) as trouble:
            _tell_end(link, packets.LOST, str(trouble))
        except AmbiguousDevice as trouble:
            _tell_end(link, packets.AMBIGUOUS, str(trouble))
        except DeviceError as trouble:
            _tell_end(link, packets.FAILED, str(trouble))
        except Exception as trouble:
            # the service keeps this process's stderr closed, as PortAudio writes there
            _tell_end(link, packets.FAILED, f"{type(trouble).__name__}: {trouble}")


def _tell_end(link: socket.socket, why: str, reason: str) -> None:
    with suppress(OSError):
        link.send(packets.ended(why, reason))
    # whatever PortAudio still holds goes with the process; its own way out may hang
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
