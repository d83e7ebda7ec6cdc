"""Where sound comes from."""

from __future__ import annotations

from types import ModuleType

from daemon.errors import DeviceError


def microphones() -> ModuleType:
    """The module `microphone`; DeviceError where PyAudio, which only microphones need, is not installed."""
    try:
        from daemon.capture import microphone
    except ImportError as missing:
        raise DeviceError(
            "microphones need PyAudio: type `sudo apt install portaudio19-dev gcc python3-dev` and `pip install 'affectd[mic]'`"
        ) from missing
    return microphone
