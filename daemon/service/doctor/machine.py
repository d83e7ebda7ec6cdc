"""The machine: its clock, its power, and the service where it is installed."""

from __future__ import annotations

import ctypes
import re
from typing import Iterator

from daemon.service.doctor.finding import Finding, note, ok
from daemon.service.doctor.place import Place, asked, is_jetson

TIME_ERROR = 5
TIMEX_BYTES = 512
"""More than `struct timex` has; all zeros only asks."""


def clock(_place: Place) -> Iterator[Finding]:
    """Events say when they were; TLS wants to know, too."""
    state = _clock_state()
    if state is None:
        yield note("clock", "the kernel does not tell whether it is synchronised", "timedatectl")
    elif state == TIME_ERROR:
        yield note("clock", "not synchronised: events may carry a wrong date", "sudo timedatectl set-ntp true")
    else:
        yield ok("clock", "synchronised")


def service(place: Place) -> Iterator[Finding]:
    """As systemd sees it."""
    unit = place.unit
    if not unit:
        yield note("service", "no systemd here: start `affectd run` by what there is")
    elif not place.is_installed:
        yield note("service", "not installed", "sudo deploy/install.sh")
    elif unit.get("ActiveState") in ("active", "activating"):
        state, status = unit["ActiveState"], unit.get("StatusText")
        told = f"{state}{f': {status}' if status else ''}, {unit.get('NRestarts', '0')} restarts"
        yield ok("service", told) if state == "active" else note("service", told, "journalctl -u affectd -n 30")
    else:
        state, enabled = unit.get("ActiveState", "?"), unit.get("UnitFileState", "?")
        yield note("service", f"{state}, {enabled}", "sudo systemctl restart affectd; journalctl -u affectd -n 30")


def power(place: Place) -> Iterator[Finding]:
    """Where watts can be read, and on a Jetson in which mode they are drawn."""
    if (place.root / "run/jtop.sock").exists():
        yield ok("power", "watts by jtop")
    elif is_jetson(place.root):
        do = "sudo pip3 install jetson-stats && sudo systemctl restart jtop"
        yield note("power", "jtop's service does not run: no watts are logged", do)
    elif any((place.root / "proc/driver/nvidia/gpus").glob("*")):
        yield ok("power", "the watts of the NVIDIA card, by its driver")
    else:
        yield ok("power", "no power source: only CPU use can be logged")
    if is_jetson(place.root):
        yield _mode(asked(["nvpmodel", "-q"]))


def _mode(said: str) -> Finding:
    """`NV Power Mode: MODE_15W_2CORE`, and its number."""
    named = re.search(r"Power Mode:\s*(\S+)(?:\s+(\d+))?", said)
    if not named:
        return note("power mode", "nvpmodel does not tell: no figure means anything without it", "sudo nvpmodel -q")
    return ok("power mode", f"{named.group(1)}{f' ({named.group(2)})' if named.group(2) else ''}")


def _clock_state() -> int | None:
    try:
        return int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
