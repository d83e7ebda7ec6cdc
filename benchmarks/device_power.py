"""What a machine draws while something is done, by the power logger's own sources and meter; and a Jetson's power modes."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from daemon.power.meter import Meter
from daemon.power.reading import PowerSource, Reading

LOOK_S = 0.05
FIRST_READING_S = 20.0
SETTLE_S = 2.0
"""After another mode was set: clocks follow."""
LISTED = re.compile(r"ID=(\d+)\s+NAME=(\S+)")


@dataclass(frozen=True)
class Drawn:
    """In a stretch of time."""

    seconds: float
    meter: Meter
    newest: Reading | None
    trouble: str

    @property
    def mean_w(self) -> float | None:
        """None: nothing here measures power, or there was no time to."""
        return self.meter.energy_j / self.meter.measured_s if self.meter.measured_s > 0.0 else None

    def joules(self, seconds: float) -> float | None:
        """Of so much time."""
        return None if self.mean_w is None else round(self.mean_w * seconds, 5)

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": round(self.seconds, 2),
            "measured_s": round(self.meter.measured_s, 2),
            "breaks": self.meter.n_breaks,
            "mean_w": None if self.mean_w is None else round(self.mean_w, 3),
            "total_of": self.newest.total_of if self.newest else "",
            "mode": self.newest.mode if self.newest else "",
            "throttling": list(self.newest.throttling) if self.newest else [],
            "trouble": "" if self.mean_w is not None else self.trouble or "no readings came",
        }


def drawing(source: PowerSource, work: Callable[[], None] | float) -> Drawn:
    """What `source` measures while the work is done, or for so many seconds. The first reading is waited for."""
    _await_reading(source)
    meter, over = Meter(), threading.Event()
    newest: list[Reading | None] = [None]

    def read() -> None:
        while not over.wait(LOOK_S):
            for reading in source.read():
                meter.add(reading)
                newest[0] = reading

    reader = threading.Thread(target=read, name="power", daemon=True)
    reader.start()
    began_s = time.monotonic()
    try:
        if callable(work):
            work()
        else:
            time.sleep(work)
    finally:
        seconds = time.monotonic() - began_s
        over.set()
        reader.join()
    return Drawn(seconds, meter, newest[0], source.trouble)


def _await_reading(source: PowerSource) -> None:
    """What was measured before does not count."""
    until_s = time.monotonic() + FIRST_READING_S
    while source.name != "none" and not source.read() and time.monotonic() < until_s:
        time.sleep(LOOK_S)


def modes(wanted: str | None) -> Iterator[tuple[int | None, str]]:
    """Numbers and names of nvpmodel's modes: `all`, some by their numbers, or None: the one that is set, whatever that is.

    Exits where modes are asked for that there are not.
    """
    if wanted is None:
        yield None, ""
        return
    if shutil.which("nvpmodel") is None:
        if wanted == "all":
            yield None, ""
            return
        raise SystemExit("device: there is no nvpmodel here, which sets power modes: leave --modes away")
    said = subprocess.run(["nvpmodel", "-p", "--verbose"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    listed = {int(number): name for number, name in LISTED.findall(said)}
    numbers = list(listed) if wanted == "all" else [int(each) for each in wanted.split(",") if each.strip().isdigit()]
    unknown = [number for number in numbers if number not in listed]
    if unknown or not numbers:
        raise SystemExit(f"device: --modes {wanted}: nvpmodel knows {', '.join(map(str, listed)) or 'none'}")
    for number in numbers:
        yield number, listed[number]


def set_mode(number: int) -> None:
    """Exits where it cannot be set without a restart, or by this user."""
    # a mode that wants a restart asks whether it may
    done = subprocess.run(
        ["nvpmodel", "-m", str(number)], input="NO\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        said = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise SystemExit(f"device: nvpmodel -m {number} failed ({said}): be root, or leave --modes away")
    time.sleep(SETTLE_S)
