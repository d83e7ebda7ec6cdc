"""What a capturing process tells arrives as it was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.capture import packets
from daemon.capture.device import Device
from daemon.capture.packets import LARGEST_BYTES, Ended, Found, Listed, Sound

DEVICES = st.builds(
    Device, st.integers(0, 99), st.text(), st.text(), st.text(), st.integers(1, 32), st.sampled_from([8000, 44100, 192000])
)


@given(pcm=st.binary(max_size=4000), start=st.integers(0, 2**62), at_ns=st.integers(0, 2**62), n_xruns=st.integers(0, 2**31))
def test_sound(pcm: bytes, start: int, at_ns: int, n_xruns: int) -> None:
    assert packets.parsed(packets.sound(pcm, start, at_ns, n_xruns)) == Sound(pcm, start, at_ns, n_xruns)


@given(device=DEVICES, n_channels=st.integers(1, 32), rate_hz=st.integers(8000, 192000))
def test_a_device(device: Device, n_channels: int, rate_hz: int) -> None:
    assert packets.parsed(packets.found(device, n_channels, rate_hz)) == Found(device, n_channels, rate_hz)


@given(devices=st.lists(DEVICES, max_size=5), preferred=st.none() | st.integers(0, 99))
def test_a_list(devices: list[Device], preferred: int | None) -> None:
    assert packets.parsed(packets.listed(devices, preferred)) == Listed(devices, preferred)


@given(reason=st.text())
def test_an_end(reason: str) -> None:
    for why in (packets.LOST, packets.FAILED, packets.AMBIGUOUS):
        assert packets.parsed(packets.ended(why, reason)) == Ended(why, reason)


def test_the_largest_block_of_a_sound_card_fits() -> None:
    samples = 192000 // 50
    assert len(packets.sound(bytes(2 * 8 * samples), 0, 0, 0)) < LARGEST_BYTES


@pytest.mark.parametrize("packet", [b"X", b"E{", b"\0"])
def test_anything_else_is_a_mistake(packet: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        packets.parsed(packet)
