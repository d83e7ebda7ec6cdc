"""Energy, from readings of power."""

from __future__ import annotations

from daemon.power.reading import Reading

LONGEST_STEPS = 3.0
LEAST_BREAK_S = 2.0


def patience_s(reading: Reading) -> float:
    """So long after a reading its source is not away yet, though the next one was due."""
    return max(LEAST_BREAK_S, LONGEST_STEPS * reading.every_s)


class Meter:
    """Adds up by trapezoids. Where readings were missing nothing is added: that time is not in `measured_s`."""

    def __init__(self) -> None:
        self.energy_j = 0.0
        self.measured_s = 0.0
        """The time that `energy_j` is the energy of, in seconds."""
        self.n_breaks = 0
        """How often readings were missing between two."""
        self._last: tuple[float, float] | None = None

    def add(self, reading: Reading) -> None:
        """One more, later than those before."""
        if reading.total_w is None:
            self.interrupt()
            return
        last, self._last = self._last, (reading.taken_s, reading.total_w)
        if last is None:
            return
        step_s = reading.taken_s - last[0]
        if step_s > patience_s(reading):
            self.n_breaks += 1
            return
        self.energy_j += step_s * (reading.total_w + last[1]) / 2.0
        self.measured_s += step_s

    def interrupt(self) -> None:
        """What comes next has nothing to do with what was before."""
        if self._last is not None:
            self.n_breaks += 1
        self._last = None
