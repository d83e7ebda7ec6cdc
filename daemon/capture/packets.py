"""What a capturing process tells the service: a packet of a SOCK_SEQPACKET socket each. No numpy: the process starts often."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from typing import Any, NamedTuple, Sequence, Union

from daemon.capture.device import Device

LARGEST_BYTES = 1 << 17
"""A block of eight channels at 192 kHz is 61 kB."""

LOST = "lost"
"""Why it ended: the device is not there, or is no more."""
FAILED = "failed"
"""... it is there and cannot be used."""
AMBIGUOUS = "ambiguous"
"""... its name fits several devices."""

_BLOCK, _FOUND, _ENDED, _DEVICES = b"B", b"F", b"E", b"D"
_HEAD = struct.Struct("<cxxxIqq")


class Sound(NamedTuple):
    """What one callback brought."""

    pcm: bytes
    """Interleaved int16."""
    start_sample: int
    """Per channel, at the device's rate, since it was opened; a jump: the socket was full."""
    captured_ns: int
    """time.perf_counter_ns() in the callback: the same clock in every process."""
    n_xruns: int
    """Callbacks since the opening before which, PortAudio said, the device had lost sound."""


class Found(NamedTuple):
    """The device that fits the name, as it is about to be opened."""

    device: Device
    n_channels: int
    rate_hz: int


class Ended(NamedTuple):
    """The last packet: why the process ends."""

    why: str
    """LOST, FAILED or AMBIGUOUS."""
    reason: str


class Listed(NamedTuple):
    """All inputs, and which of them PortAudio would take by itself."""

    devices: Sequence[Device]
    preferred: int | None
    """An index."""


Packet = Union[Sound, Found, Ended, Listed]


def sound(pcm: bytes, start_sample: int, captured_ns: int, n_xruns: int) -> bytes:
    """The packet of a block."""
    return _HEAD.pack(_BLOCK, n_xruns, start_sample, captured_ns) + pcm


def found(device: Device, n_channels: int, rate_hz: int) -> bytes:
    """The packet of a device."""
    return _FOUND + json.dumps([asdict(device), n_channels, rate_hz]).encode()


def ended(why: str, reason: str) -> bytes:
    """The packet of an end."""
    return _ENDED + json.dumps([why, reason]).encode()


def listed(devices: Sequence[Device], preferred: int | None) -> bytes:
    """The packet of a list."""
    return _DEVICES + json.dumps([[asdict(device) for device in devices], preferred]).encode()


def parsed(packet: bytes) -> Packet:
    """What a packet says. Raises ValueError for one that is none of these: a mistake of ours."""
    kind = packet[:1]
    if kind == _BLOCK:
        _, n_xruns, start_sample, captured_ns = _HEAD.unpack_from(packet)
        return Sound(packet[_HEAD.size :], start_sample, captured_ns, n_xruns)
    content: Any = json.loads(packet[1:])
    if kind == _FOUND:
        return Found(Device(**content[0]), content[1], content[2])
    if kind == _DEVICES:
        return Listed([Device(**about) for about in content[0]], content[1])
    if kind == _ENDED:
        return Ended(*content)
    raise ValueError(f"a packet of kind {kind!r}")
