"""The service's end of a capturing process: its start, what it tells, and its end, whatever it hangs in."""

from __future__ import annotations

import logging
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from daemon.capture import packets
from daemon.capture.device import Device
from daemon.capture.packets import Ended, Listed, Packet
from daemon.errors import DeviceError

logger = logging.getLogger(__name__)

PROGRAM = "daemon.capture.microphone"
ROOT = Path(__file__).parents[2]
"""The folder from which our packages are imported: the process needs the same."""
LETTING_GO_S = 1.0
KILL_S = 1.0
LIST_S = 10.0
SOCKET_BYTES = 1 << 20
"""Asked of the kernel for what the service has not yet read; where it gives less, that is still seconds of sound."""


class CapturingProcess:
    """One process with PortAudio in it. One thread owns it, and ends it."""

    def __init__(self, *arguments: str) -> None:
        """See `microphone.main`. Raises DeviceError where no process can be started."""
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROGRAM, *arguments],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=ROOT,
                )
            except OSError as trouble:
                self._link.close()
                raise DeviceError(f"no process can be started that captures: {trouble.strerror}") from trouble
        self._buffer = bytearray(packets.LARGEST_BYTES)
        self._poll = select.poll()
        self._poll.register(self._link, select.POLLIN)

    def receive(self, longest_s: float) -> Packet | None:
        """The next packet, None when none came for so long. After an `Ended` there is nothing more."""
        if not self._poll.poll(longest_s * 1e3):
            return None
        try:
            n_bytes = self._link.recv_into(self._buffer)
        except ConnectionResetError:
            n_bytes = 0
        if n_bytes:
            return packets.parsed(bytes(self._buffer[:n_bytes]))
        return Ended(packets.LOST, f"the capturing process has ended: {self._how()}")

    def let_go(self) -> None:
        """Ask it to close the device and end; a device that can be had is free a moment later. Waits LETTING_GO_S at most."""
        with suppress(OSError, subprocess.TimeoutExpired):
            self._link.shutdown(socket.SHUT_WR)
            self._process.wait(LETTING_GO_S)
        self.end()

    def end(self) -> None:
        """End it, whatever it hangs in: the kernel takes the device back."""
        self._process.kill()
        try:
            self._process.wait(KILL_S)
        except subprocess.TimeoutExpired:
            logger.warning("the capturing process %d cannot be ended: the kernel holds it", self._process.pid)
        self._link.close()

    def _how(self) -> str:
        try:
            code = self._process.wait(KILL_S)
        except subprocess.TimeoutExpired:
            return "its socket is closed"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def devices() -> list[Device]:
    """Every input, in PortAudio's order. Raises DeviceError."""
    return list(_listed().devices)


def default() -> Device | None:
    """The input that PortAudio would take by itself if it is a real one, else the first real one; None without any.

    Raises DeviceError.
    """
    found = _listed()
    real = [device for device in found.devices if not device.is_dummy]
    return next((device for device in real if device.index == found.preferred), real[0] if real else None)


def _listed() -> Listed:
    """What PortAudio finds, by a process that is ended when a sound server that hangs makes it hang, too."""
    lister = CapturingProcess("list")
    try:
        packet = lister.receive(LIST_S)
    finally:
        lister.end()
    if isinstance(packet, Listed):
        return packet
    why = packet.reason if isinstance(packet, Ended) else f"nothing came for {LIST_S:g} s: the sound server hangs: restart it"
    raise DeviceError(f"the microphones cannot be listed: {why}")
