"""How the cost grows with window, stride, number of microphones and hours of sound; and where not in line, why."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np

from benchmarks.drawing import OTHER, OURS, pyplot
from benchmarks.lines import columns
from benchmarks.rounds import alternate, one_core
from benchmarks.seats import hear, spoken
from benchmarks.spread import NAMES, row, spread
from benchmarks.stream import WARM_S, lived
from daemon import assembly
from daemon.settings import ModelSettings, Settings
from dsp.offline import feature_frames
from models import registry
from models.contract import STEP_FRAMES
from models.streaming import StreamModel

WINDOWS_MS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
STRIDES_MS = (64, 128, 256, 512, 1024, 2048)
MICROPHONES = (1, 2, 4, 8, 16, 32, 64, 96)
QUARTER_S, N_QUARTERS = 900, 8
ROUNDS = 150
WINDOW, STRIDE, SEATS, HOURS = "window", "stride", "microphones", "hours of sound"
WHY = {
    WINDOW: "In line but for a beginning: a run of the network costs some time before it computes anything, as its nodes are "
    "entered and its weights fetched.",
    STRIDE: "Not in line: the network is asked half as often at twice the stride, and what is left is the floor of front end, "
    "gate and loop, which are paid by the block.",
    SEATS: "In line, or a little below: a busy loop takes the blocks of several seats a turn. The network is run utterance by "
    "utterance.",
    HOURS: "In line: nothing that is kept grows with the time.",
}


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """The model that ships by default, in the service's loop, on one core; somebody speaks all the time."""
    one_core()
    model = assembly.open_model(registry.DEFAULT)
    assert isinstance(model, StreamModel)
    sound, rate_hz = spoken(1.0)
    lived(model, Settings(), sound, WARM_S)
    gc.collect()
    gc.freeze()
    divisor = 10 if short else 1
    parts = {
        WINDOW: _windows(model, sound, rate_hz, ROUNDS // divisor, WINDOWS_MS[::3] if short else WINDOWS_MS),
        STRIDE: _strides(model, sound, 240 // divisor, STRIDES_MS[::2] if short else STRIDES_MS),
        SEATS: _seats(model, sound, rate_hz, 3.0 if short else 8.0, MICROPHONES[:2] if short else MICROPHONES),
        HOURS: _hours(model, sound, QUARTER_S / (60 if short else 1), 2 if short else N_QUARTERS),
    }
    gc.unfreeze()
    figures = {"model": model.contract.name, "sha256": model.sha256, "parts": parts, "why": WHY}
    if plot is not None:
        _draw(plot, figures)
    return figures


def _windows(model: StreamModel, sound: Any, rate_hz: int, n_rounds: int, lengths_ms: Sequence[int]) -> list[dict[str, Any]]:
    """Microseconds of one answer for so much new sound, features at hand."""
    front_end = model.contract.front_end
    frames = feature_frames((sound[: 10 * rate_hz] / 32768.0).astype(np.float32), front_end)
    sides: dict[str, Callable[[int], object]] = {}
    for ms in lengths_ms:
        n = ms * rate_hz // 1000 // front_end.hop_samples // STEP_FRAMES * STEP_FRAMES
        sides[str(ms)] = _asked(model, model.begin().push(frames[:n]))
    alternate(sides, 4)
    found = alternate(sides, n_rounds)
    return [{"x": int(ms), "y": round(float(np.median(ns)) / 1e3, 1), "us": spread(ns / 1e3, 1)} for ms, ns in found.items()]


def _asked(model: StreamModel, piece: Any) -> Callable[[int], object]:
    return lambda _: model.answer([piece])


def _strides(model: StreamModel, sound: Any, seconds: float, strides_ms: Sequence[int]) -> list[dict[str, Any]]:
    """Per cent of a core."""
    told = []
    for ms in strides_ms:
        lives = lived(model, Settings(model=ModelSettings(stride_ms=float(ms))), sound, seconds)
        percent = lives.percent_of_a_core(seconds)
        told.append({"x": ms, "y": round(percent, 3), "us": spread(lives.in_order / 1e3, 1)})
    return told


def _seats(model: StreamModel, sound: Any, rate_hz: int, seconds: float, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Per cent of a core, and how late messages are; more seats than the core carries are left out."""
    told = []
    for n in numbers:
        one = hear(model, n, sound, rate_hz, seconds, np.inf)
        told.append({"x": n, "y": one.core_percent, "us": spread(one.late_ms * 1e3, 1)})
        if one.core_percent > 60.0:
            break
    return told


def _hours(model: StreamModel, sound: Any, quarter_s: float, n_quarters: int) -> list[dict[str, Any]]:
    """Seconds of the core from the beginning on, at the end of each quarter of an hour."""
    lives = lived(model, Settings(), sound, quarter_s * n_quarters)
    told, total_s = [], 0.0
    for k, ns in enumerate(np.array_split(lives.in_order, n_quarters), 1):
        total_s += float(ns.sum()) / 1e9
        told.append({"x": k * quarter_s / 3600.0, "y": round(total_s, 2), "us": spread(ns / 1e3, 1)})
    return told


UNITS = {
    WINDOW: ("ms of new sound in an answer", "µs an answer"),
    STRIDE: ("ms from answer to answer", "% of a core"),
    SEATS: ("microphones", "% of a core"),
    HOURS: ("hours of sound", "s of the core"),
}
OF = {WINDOW: "an answer", STRIDE: "a block", SEATS: "a message is late", HOURS: "a block"}


def table(figures: dict[str, Any]) -> str:
    """Each part's points, and why they lie as they do."""
    told = []
    for part, points in figures["parts"].items():
        x, y = (name.replace("µs", "us") for name in UNITS[part])
        rows = [(f"{point['x']:g}", f"{point['y']:g}", *row("", point["us"])[1:]) for point in points]
        told.append(f"{columns((x, y, *NAMES), rows)}\n(us, {OF[part]})\n{figures['why'][part]}")
    return "\n\n".join(told)


def _draw(path: Path, figures: dict[str, Any]) -> None:
    plt = pyplot()
    figure, all_axes = plt.subplots(2, 2, figsize=(10, 6.6), layout="constrained")
    for axes, (part, points) in zip(all_axes.flat, figures["parts"].items()):
        x, y = np.array([(point["x"], point["y"]) for point in points]).T
        axes.plot(x, y, color=OURS, marker="o", linewidth=2, label="measured")
        if part == STRIDE:
            slope, floor = np.polyfit(1.0 / x, y, 1)
            axes.axhline(floor, color=OTHER, linestyle="--", label=f"without the network: {floor:.2f} %")
            axes.set_xscale("log", base=2)
            axes.set_xticks(x, [f"{each:g}" for each in x])
        else:
            slope, begin = np.polyfit(x, y, 1)
            label = f"a line: {begin:.3g} + {slope:.3g} x"
            axes.plot(x, begin + slope * x, color=OTHER, linestyle="--", label=label)
            axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(UNITS[part][0])
        axes.set_ylabel(UNITS[part][1])
        axes.set_title(f"By the {'number of ' if part == SEATS else ''}{part}", loc="left", fontsize=11)
        axes.legend(frameon=False, loc="upper right" if part == STRIDE else "upper left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
