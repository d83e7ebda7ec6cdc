"""The names of a microphone that stay, and what is found by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.capture import device
from daemon.capture.device import AmbiguousDevice, Card, Device, NoSuchDevice, cards, find

CARDS = """ 0 [tegrahda       ]: tegra-hda - tegra-hda
                      tegra-hda at 0x3518000 irq 116
 1 [Device         ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-3610000.xhci-2.2, full speed
 2 [Device_1       ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-0000:00:14.0-1.2, full speed
 3 [APE            ]: tegra-ape - jetson-xaviernx-ape
                      Unknown-Unknown-Unknown
"""
"""As Linux tells of two microphones of one make on a Jetson."""
LISTED = [
    "tegra-hda: HDMI 0 (hw:0,3)",
    "USB Audio Device: - (hw:1,0)",
    "USB Audio Device: - (hw:2,0)",
    "USB Audio Device: #1 (hw:2,1)",
    "jetson-xaviernx-ape: - (hw:3,0)",
    "jetson-xaviernx-ape: ADMAIF2 XBAR-ADMAIF2-1 (hw:3,1)",
    "pulse",
    "Null Sink",
    "Cabin Array: Audio (hw:9,0)",
]


@pytest.fixture
def known(tmp_path: Path) -> list[Device]:
    (tmp_path / "cards").write_text(CARDS)
    there = cards(tmp_path)
    return [device.device(index, name, 1, 48000, there) for index, name in enumerate(LISTED)]


def test_the_cards_are_read_with_their_usb_paths(tmp_path: Path) -> None:
    (tmp_path / "cards").write_text(CARDS)
    assert cards(tmp_path) == {
        0: Card("tegrahda", ""),
        1: Card("Device", "usb-3610000.xhci-2.2"),
        2: Card("Device_1", "usb-0000:00:14.0-1.2"),
        3: Card("APE", ""),
    }


@pytest.mark.parametrize("content", [None, "", "--- no soundcards ---\n", "\xff\n[]\n"])
def test_without_cards_there_are_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "cards").write_text(content, encoding="latin-1")
    assert cards(tmp_path) == {}


def test_the_numbers_that_move_are_in_no_name(known: list[Device]) -> None:
    assert [one.name for one in known if "hw:" in one.name] == []
    assert (known[8].card_id, known[8].usb_path) == ("", ""), "a card that went while it was listed"


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("Device", 1),
        ("Device_1", 2),
        ("usb-3610000.xhci-2.2", 1),
        ("usb-0000:00:14.0-1.2", 2),
        ("pulse", 6),
        ("Cabin Array: Audio", 8),
        ("cabin array", 8),
        ("array", 8),
        ("Cabin*", 8),
        ("c?bin*audio", 8),
        ("*#1", 3),
    ],
)
def test_a_microphone_is_found_by_card_id_usb_path_name_part_and_pattern(known: list[Device], wanted: str, index: int) -> None:
    assert find(wanted, known).index == index


@pytest.mark.parametrize("wanted", ["USB Audio", "USB Audio Device: -", "usb*-"])
def test_what_fits_several_is_refused_with_their_names(known: list[Device], wanted: str) -> None:
    with pytest.raises(AmbiguousDevice, match=r"fits [23] devices .*USB Audio Device.* a card id or a USB path"):
        find(wanted, known)


@pytest.mark.parametrize("wanted", ["Mixer", "usb-0000:00:14.0-1.3", "Cabin?", "[a"])
def test_what_is_not_there_is_said_with_what_is_and_no_dummy(known: list[Device], wanted: str) -> None:
    with pytest.raises(NoSuchDevice) as refused:
        find(wanted, known)
    assert str(refused.value).startswith(f"no microphone {wanted!r}: there is 'tegra-hda: HDMI 0', 'USB Audio Device: -'")
    assert "ADMAIF" not in str(refused.value)
    assert "Null" not in str(refused.value)


def test_dummies_are_known(known: list[Device]) -> None:
    assert [one.index for one in known if one.is_dummy] == [4, 5, 7]
