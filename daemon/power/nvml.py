"""NVIDIA's cards in a PC, by NVML. What is measured is the cards' power, and not that of the rest of the machine."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Sequence

from daemon.power.reading import NoSource, Reading

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
THROTTLING = {
    0x04: "the power limit",
    0x08: "a hardware slowdown",
    0x20: "heat, by software",
    0x40: "heat, by hardware",
    0x80: "the power supply",
}
"""nvmlClocksThrottleReasons..., but for those that hold nothing back: idle, sync boost, what an operator has set."""


class NvmlSource:
    """All cards together. After an error the driver is opened anew."""

    name = "nvml"

    def __init__(self, interval_s: float) -> None:
        """Raises NoSource without the library, the driver or a card that knows its power."""
        try:
            import pynvml
        except ImportError as trouble:
            raise NoSource("nvml: nvidia-ml-py is not installed; type: pip install nvidia-ml-py") from trouble
        self.trouble = ""
        self._nvml: Any = pynvml
        self._every_s = interval_s
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = 0.0
        self._cards: list[Any] = []
        try:
            self._open()
            if not self._cards:
                raise NoSource("nvml: the driver knows of no card")
            # a trial: not every card knows its power
            self._reading()
        except pynvml.NVMLError as trouble:
            raise NoSource(f"nvml: {trouble}") from trouble

    def read(self) -> Sequence[Reading]:
        """One reading, taken now."""
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            return []
        try:
            if not self._cards:
                self._open()
            found = self._reading()
        except self._nvml.NVMLError as trouble:
            self._fail(str(trouble), now_s)
            return []
        self.trouble, self._pause_s = "", FIRST_PAUSE_S
        return [found]

    def close(self) -> None:
        """The driver's."""
        self._cards = []
        with suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _open(self) -> None:
        nvml = self._nvml
        nvml.nvmlInit()
        self._cards = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]

    def _fail(self, why: str, now_s: float) -> None:
        self.close()
        self.trouble = f"the NVIDIA driver: {why}"
        self._not_before_s = now_s + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)

    def _reading(self) -> Reading:
        nvml, cards = self._nvml, self._cards
        taken_s = time.monotonic()
        watts = {_named(number): nvml.nvmlDeviceGetPowerUsage(card) / 1000.0 for number, card in enumerate(cards)}
        return Reading(
            taken_s=taken_s,
            every_s=self._every_s,
            total_w=sum(watts.values()),
            total_of="all cards" if len(cards) > 1 else "the card",
            rails_w=watts if len(cards) > 1 else {},
            temperatures_c=self._each(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            clocks_mhz={
                **self._each(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
                **{f"{name}_MEM": mhz for name, mhz in self._each(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM).items()},
            },
            mode=" ".join(f"P{state:.0f}" for state in self._each(nvml.nvmlDeviceGetPerformanceState).values()),
            throttling=self._throttling(),
        )

    def _throttling(self) -> list[str]:
        masks = self._each(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        return [f"{name}: {why}" for name, mask in masks.items() for bit, why in THROTTLING.items() if int(mask) & bit]

    def _each(self, ask: Any, *about: Any) -> dict[str, float]:
        """Of each card that can tell."""
        found = {}
        for number, card in enumerate(self._cards):
            with suppress(self._nvml.NVMLError_NotSupported, self._nvml.NVMLError_FunctionNotFound):
                found[_named(number)] = float(ask(card, *about))
        return found


def _named(number: int) -> str:
    return f"GPU{number or ''}"
