"""Where sound comes from."""

from __future__ import annotations

from daemon.errors import DeviceError


def require_pyaudio() -> None:
    """Raises DeviceError where PyAudio, which only microphones need, is not installed."""
    try:
        from daemon.capture import microphone  # noqa: F401
    except ImportError as missing:
        raise DeviceError(
            "microphones need PyAudio: type `sudo apt install portaudio19-dev gcc python3-dev` and `pip install 'affectd[mic]'`"
        ) from missing
