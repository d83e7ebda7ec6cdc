"""A microphone's names, those that stay the same when it is plugged in again, and finding it by one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Mapping, Sequence

from daemon.errors import DeviceError

ASOUND = Path("/proc/asound")
# devices that exist on every Linux machine without a microphone, and the routing devices of NVIDIA's boards
_DUMMIES = re.compile(r"\b(null|dummy|loopback|ADMAIF\d*|APE|monitor of)\b", re.IGNORECASE)
# two lines a card: ` 1 [Device         ]: USB-Audio - USB Audio Device` and `C-Media USB Audio at usb-0000:00:14.0-1.2, ...`
_CARD = re.compile(r"^\s*(\d+) \[(\S+)\s*\]:.*\n(?:.* at (usb-[^,\s]+))?", re.MULTILINE)
_HW = re.compile(r"\s*\(hw:(\d+),\d+\)$")


class NoSuchDevice(DeviceError):
    """Nothing of that name is there now: it may be plugged in later."""


class AmbiguousDevice(DeviceError):
    """The name fits several devices: that is for a person to mend."""


@dataclass(frozen=True)
class Card:
    """A sound card of ALSA's: what stays of it when it is plugged in again."""

    id: str
    usb_path: str
    """Of the socket that it is plugged into, as usb-0000:00:14.0-1.2; empty for a card that is not on USB."""


@dataclass(frozen=True)
class Device:
    """One input as PortAudio lists it. The index is of this moment only and is never shown."""

    index: int
    name: str
    """Without the (hw:1,0) that PortAudio appends: these numbers move."""
    card_id: str
    """ALSA's card id, stable where the index is not; empty for devices that are no card."""
    usb_path: str
    """Of the USB socket: tells two microphones of one make apart; empty for what is not on USB."""
    n_channels: int
    rate_hz: int

    @property
    def is_dummy(self) -> bool:
        """True for a device that never hears anything by itself."""
        return bool(_DUMMIES.search(self.name) or _DUMMIES.search(self.card_id))


def cards(asound: Path = ASOUND) -> dict[int, Card]:
    """The sound cards by their numbers, which move."""
    try:
        listing = (asound / "cards").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {int(number): Card(card_id, usb_path or "") for number, card_id, usb_path in _CARD.findall(listing)}


def device(index: int, listed_name: str, n_channels: int, rate_hz: int, known: Mapping[int, Card]) -> Device:
    """From what PortAudio tells, and the cards there are."""
    number = _HW.search(listed_name)
    card = known.get(int(number.group(1))) if number else None
    name = _HW.sub("", listed_name).rstrip()
    return Device(index, name, card.id if card else "", card.usb_path if card else "", n_channels, rate_hz)


def find(wanted: str, known: Sequence[Device]) -> Device:
    """The device of that card id, USB path or name, or the only one whose name contains it or, with * and ?, fits it.

    Of a card's several inputs a card id or a USB path means the first, as ALSA does. Raises NoSuchDevice, AmbiguousDevice.
    """
    for of_card in (
        [device for device in known if wanted == device.card_id],
        [device for device in known if wanted == device.usb_path],
    ):
        if of_card:
            return of_card[0]
    for matches in (
        [device for device in known if wanted == device.name],
        [device for device in known if _fits(wanted.lower(), device.name.lower())],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise AmbiguousDevice(
                f"microphone {wanted!r} fits {len(matches)} devices ({_named(matches)}): "
                "give a longer name, a card id or a USB path from `affectd devices`"
            )
    real = _named([device for device in known if not device.is_dummy])
    raise NoSuchDevice(f"no microphone {wanted!r}: there is {real or 'none at all'}; plug it in, or see `affectd devices`")


def _fits(wanted: str, name: str) -> bool:
    return wanted in name or (("*" in wanted or "?" in wanted) and fnmatch(name, wanted))


def _named(found: Sequence[Device]) -> str:
    return ", ".join(repr(device.name) for device in found)
