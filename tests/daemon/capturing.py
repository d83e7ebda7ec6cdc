"""The capturing processes that this process has: one for each microphone that is open."""

from __future__ import annotations

import os
import signal
from pathlib import Path

SERVERS = ("pulseaudio", "mosquitto", "paplay")


def children() -> dict[int, list[str]]:
    """With their command lines, which are empty for those that ended and were not waited for; no sound servers, no brokers."""
    found = [Path(f"/proc/self/task/{task}/children").read_text().split() for task in os.listdir("/proc/self/task")]
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_text().split("\0") for some in found for child in some}
    return {child: command for child, command in commands.items() if Path(command[0]).name not in SERVERS}


def kill(device: str) -> None:
    """What captures that device is gone, as when PortAudio crashes."""
    (child,) = (child for child, command in children().items() if device in command)
    os.kill(child, signal.SIGKILL)
