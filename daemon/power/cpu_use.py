"""How busy the machine is: a real figure on every Linux, and no measure of its power."""

from __future__ import annotations

from pathlib import Path

STAT = Path("/proc/stat")
IDLE, IO_WAIT, N_TIMES = 3, 4, 8
"""Places in the line `cpu`, see proc(5); guests are in the first two already."""


class CpuUse:
    """Of all processors together."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._last = self._times()

    def percent(self) -> float | None:
        """Of the time since the last call; None where the kernel's clock has not moved on, or does not tell."""
        last, self._last = self._last, self._times()
        if last is None or self._last is None:
            return None
        spent = [now - then for now, then in zip(self._last, last)]
        total = sum(spent)
        if total <= 0:
            return None
        return max(0.0, 100.0 * (1.0 - (spent[IDLE] + spent[IO_WAIT]) / total))

    def _times(self) -> list[int] | None:
        try:
            with self._stat.open() as file:
                words = file.readline().split()
            times = [int(word) for word in words[1 : 1 + N_TIMES]]
        except (OSError, ValueError):
            return None
        return times if len(times) > IO_WAIT else None
