"""The live path on one core: cost of a block, a stride, an utterance's end; share of the core, by how much somebody speaks."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawing import AIM, MUST, SERIES, pyplot
from benchmarks.lines import Goal, columns
from benchmarks.rounds import one_core
from benchmarks.seats import I16, Round, spoken
from benchmarks.spread import NAMES, row, spread
from daemon import assembly
from daemon.analysis import ListSink
from daemon.clock import StepClock
from daemon.events import Block
from daemon.ports import Model
from daemon.service.metrics import Metrics
from daemon.settings import Settings
from models import registry

HOUR_S, SHORT_S = 3600, 60
WARM_S = 30
SPOKEN = {"always": 1.0, "a_tenth": 0.1, "never": 0.0}
WANTED = {"always": Goal("<=", 3.0, 1.2), "a_tenth": Goal("<=", 1.0, 0.4), "never": Goal("<=", 0.5, 0.2)}
"""Per cent of a core."""
BLOCK, STRIDE, END = "a block", "a block with a stride", "a block with an utterance's end"


class Memory(Round):
    """In blocks, as fast as they are asked for, until there were so many samples."""

    def __init__(self, sound: I16, n_samples: int, block_samples: int, rate_hz: int) -> None:
        super().__init__("cabin", sound, 0, block_samples)
        self._left, self._rate_hz = n_samples // block_samples, rate_hz

    @property
    def ended(self) -> bool:
        """After the last block."""
        return not self._left

    def read(self) -> Block | None:
        """The next block."""
        if self.ended:
            return None
        self._left -= 1
        return self.block((self.position + self._block_samples) * 1_000_000_000 // self._rate_hz)


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """The bundled speech, again and again with silence between, for an hour of sound each."""
    one_core()
    model = assembly.open_model(registry.DEFAULT)
    lived(model, Settings(), spoken(1.0)[0], WARM_S)
    gc.collect()
    # as the service does once it has started
    gc.freeze()
    figures: dict[str, Any] = {"model": model.contract.name, "sha256": model.sha256, "costs_us": {}}
    for name, share in SPOKEN.items():
        seconds = SHORT_S if short else HOUR_S
        lives = lived(model, Settings(), spoken(share)[0], seconds)
        percent = lives.percent_of_a_core(seconds)
        goal = WANTED[name]
        figures[f"{name}_utterances"] = lives.n_utterances
        figures[f"{name}_percent_of_a_core"] = round(percent, 3)
        figures[f"{name}_times_real_time"] = round(100.0 / percent, 1)
        figures[f"{name}_reached"] = f"{goal.must:g} %, aim {goal.aim:g} %: {goal.reached(percent)}"
        figures["costs_us"][name] = {kind: spread(ns / 1e3, 1) for kind, ns in lives.ns.items()}
    gc.unfreeze()
    if plot is not None:
        _draw(plot, figures)
    return figures


class Lived:
    """What a life of a seat took, in nanoseconds of the thread, by kind of block."""

    def __init__(self, ns: dict[str, NDArray[np.int64]], in_order: NDArray[np.int64], n_utterances: int) -> None:
        self.ns = ns
        self.in_order = in_order
        self.n_utterances = n_utterances

    def percent_of_a_core(self, seconds: float) -> float:
        """Of so many seconds of sound."""
        return 100.0 * float(self.in_order.sum()) / 1e9 / seconds


def lived(model: Model, settings: Settings, sound: I16, seconds: float) -> Lived:
    """One seat's life through the shipped loop, as fast as it goes; each turn is timed."""
    rate_hz = model.contract.front_end.sample_rate_hz
    source = Memory(sound, round(seconds * rate_hz), assembly.block_samples(model.contract), rate_hz)
    sink, metrics = ListSink(), Metrics()
    pipeline, seats = assembly.assemble(settings, model, [source], sink, StepClock(), "bench", metrics)
    found: dict[str, list[int]] = {BLOCK: [], STRIDE: [], END: []}
    in_order: list[int] = []
    while not source.ended:
        n_windows, n_utterances = metrics.windows, seats[0].n_utterances
        began_ns = time.thread_time_ns()
        pipeline.step()
        took_ns = time.thread_time_ns() - began_ns
        kind = END if seats[0].n_utterances > n_utterances else STRIDE if metrics.windows > n_windows else BLOCK
        found[kind].append(took_ns)
        in_order.append(took_ns)
        sink.messages.clear()
    by_kind = {kind: np.array(ns, np.int64) for kind, ns in found.items()}
    return Lived(by_kind, np.array(in_order, np.int64), seats[0].n_utterances)


def table(figures: dict[str, Any]) -> str:
    """Shares of the core, and what a block costs."""
    shares = [
        (
            name.replace("_", " "),
            f"{figures[f'{name}_percent_of_a_core']:g} %",
            f"{figures[f'{name}_times_real_time']:g}",
            str(figures[f"{name}_utterances"]),
            figures[f"{name}_reached"],
        )
        for name in SPOKEN
    ]
    costs = [
        row(f"{name.replace('_', ' ')}: {kind}", told) for name in SPOKEN for kind, told in figures["costs_us"][name].items()
    ]
    return (
        f"{columns(('somebody speaks', 'of a core', 'times real time', 'utterances', 'wanted'), shares)}\n\n"
        f"{columns(('us of the thread', *NAMES), costs)}\n\n"
        "A block is 20 ms. The loop, the seat, the gate, the front end and the model are those that ship; messages are dropped."
    )


def _draw(path: Path, figures: dict[str, Any]) -> None:
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for x, name in enumerate(SPOKEN):
        percent = figures[f"{name}_percent_of_a_core"]
        left.bar(x, percent, width=0.6, color=SERIES[0])
        left.text(x, percent, f"{percent:.2f} %", ha="center", va="bottom", fontsize=9)
        for bound, colour in ((WANTED[name].must, MUST), (WANTED[name].aim, AIM)):
            left.plot((x - 0.4, x + 0.4), (bound, bound), color=colour, linewidth=2.5)
    left.set_xticks(range(len(SPOKEN)), [name.replace("_", " ") for name in SPOKEN])
    left.set_ylabel("% of a core")
    left.set_title("Somebody speaks; marks: wanted, aim", loc="left", fontsize=11)
    kinds = list(reversed((BLOCK, STRIDE, END)))
    for y, kind in enumerate(kinds):
        told = figures["costs_us"]["always"][kind]
        right.barh(y, told["p50"], color=SERIES[0], height=0.6)
        right.plot((told["p50"], told["p99"]), (y, y), color="black", linewidth=1.2, marker="|")
        right.text(told["p99"], y, f"  {told['p50']:.0f} / {told['p99']:.0f}", va="center", fontsize=9)
    right.set_yticks(range(len(kinds)), [kind.replace(" with ", "\nwith ") for kind in kinds])
    right.set_xlim(0, 1.45 * max(figures["costs_us"]["always"][kind]["p99"] for kind in kinds))
    right.set_xlabel("µs: p50 as a bar, a whisker to p99")
    right.set_title("What 20 ms of sound cost", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
