"""Which source measures here: found out by trying, and tried again while there is none."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from daemon.power import jtop_source
from daemon.power.jtop_source import JtopSource
from daemon.power.nvml import NvmlSource
from daemon.power.reading import NoSource, PowerSource, Reading


class NothingSource:
    """Nothing here measures power, and nothing is made up."""

    name = "none"

    def __init__(self, why: str) -> None:
        self.trouble = why

    def read(self) -> Sequence[Reading]:
        """Never anything."""
        return []

    def close(self) -> None:
        """There is nothing to close."""


def _jtop(interval_s: float) -> PowerSource:
    jtop_source.require()
    return JtopSource(interval_s)


MAKERS: Mapping[str, Callable[[float], PowerSource]] = {"jtop": _jtop, "nvml": NvmlSource}
"""In the order in which they are tried; each raises NoSource."""


def choose(wanted: str, interval_s: float) -> PowerSource:
    """`wanted`: "auto", or the only one that will do. Where nothing can be read, a NothingSource that says why."""
    why = []
    for name, make in MAKERS.items():
        if wanted in ("auto", name):
            try:
                return make(interval_s)
            except NoSource as trouble:
                why.append(str(trouble))
    return NothingSource("; ".join(why) or "the settings want none")
