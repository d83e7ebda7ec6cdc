"""From the newest sample of an utterance in a virtual microphone to its JSON at a separate subscriber, stage by stage."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.drawing import AIM, MUST, OTHER, OURS, pyplot
from benchmarks.drawing import told as said
from benchmarks.lines import Goal, columns
from benchmarks.process import below, look
from benchmarks.service import affectd_run
from benchmarks.spread import NAMES, row, spread
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from daemon.settings import OutboxSettings
from models import registry

SEATS = ("driver", "passenger", "left", "right")
OURS_STAGES = ("block", "queue", "front_end", "inference")
DELIVERY = "delivery"
STAGES = (*OURS_STAGES, DELIVERY)
TOTAL = "beyond the hang-over"
WANTED = Goal("<=", 50.0, 15.0)
SENTENCE_S, PAUSE_S = 1.9, 1.1
"""Of each sentence its beginning, and then silence that is longer than the gate's hang-over."""
N_ROUNDS, SHORT_ROUNDS = 6, 1
"""Times that each seat hears the five sentences."""
SHORT_SEATS = 1
PATIENCE_S = 600.0
SETTINGS = """
[node]
name = "way"
state = {state}
[broker]
port = {port}
[discovery]
enabled = false
"""


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """`affectd run` with four virtual microphones, mosquitto and mosquitto_sub; each in a process of its own."""
    for program in ("pulseaudio", "paplay", "mosquitto_sub"):
        if shutil.which(program) is None:
            raise SystemExit(
                f"endtoend needs {program}, a virtual microphone's or a subscriber's: deploy/setup.sh test brings it"
            )
    artefact = registry.load(registry.DEFAULT)
    n_rounds, seats = (SHORT_ROUNDS, SEATS[:SHORT_SEATS]) if short else (N_ROUNDS, SEATS)
    with tempfile.TemporaryDirectory(prefix="affectd-way-") as folder:
        messages, share = _heard(Path(folder), n_rounds, seats)
    by_stage: dict[str, list[float]] = {stage: [] for stage in (*STAGES, TOTAL)}
    for message in messages:
        for stage, took_ms in stages_ms(message).items():
            by_stage[stage].append(took_ms)
    figures: dict[str, Any] = {
        "model": artefact.name,
        "sha256": artefact.sha256,
        "microphones": len(seats),
        "linger_ms": OutboxSettings().linger_ms,
        "hang_over_ms": spread([message["latency_ms"]["hang_over"] for message in messages]),
        "ms": {stage: spread(values) for stage, values in by_stage.items()},
        "percent_of_a_core": share,
        "reached": f"p99 {WANTED.must:g} ms, aim {WANTED.aim:g}: {WANTED.reached(spread(by_stage[TOTAL]).get('p99', np.inf))}",
    }
    if plot is not None:
        _draw(plot, figures, np.sort(by_stage[TOTAL]))
    return figures


def stages_ms(message: dict[str, Any]) -> dict[str, float]:
    """Of an utterance: the service's own stages; from there to the subscriber, by the clock of both; all but the hang-over."""
    latency = message["latency_ms"]
    committed_s = datetime.fromisoformat(message["at"].replace("Z", "+00:00")).timestamp()
    delivery_ms = (message["received_s"] - committed_s) * 1e3
    stages = {**{stage: float(latency[stage]) for stage in OURS_STAGES}, DELIVERY: delivery_ms}
    return {**stages, TOTAL: sum(stages.values())}


def _heard(folder: Path, n_rounds: int, seats: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The utterances that a subscriber received, and what the processes of the service took of a core meanwhile."""
    from benchmarks.virtual_microphone import VirtualMicrophone

    with ExitStack() as opened:
        broker = opened.enter_context(PrivateBroker())
        microphone = opened.enter_context(VirtualMicrophone(*seats))
        settings = folder / "affectd.toml"
        sources = "".join(f'[[source]]\nname = "{seat}"\ndevice = "{seat}"\n' for seat in seats)
        head = SETTINGS.format(state=json.dumps(str(folder / "state")), port=broker.port)
        settings.write_text(head + sources)
        arrived: queue.Queue[dict[str, Any]] = queue.Queue()
        _subscribe(broker.port, arrived, opened)
        service = opened.enter_context(affectd_run(settings, folder / "log", microphone.environment))
        # those that capture go with it, if it is not killed at once
        opened.callback(_end, service)
        _await_states(arrived, len(seats), service, folder / "log")
        before, began_s = _core_s(service.pid), time.monotonic()
        speakers = [
            threading.Thread(target=microphone.say, args=(_sentences(folder, n_rounds, k), seat))
            for k, seat in enumerate(seats)
        ]
        for speaker in speakers:
            speaker.start()
        for speaker in speakers:
            speaker.join()
        time.sleep(PAUSE_S)
        seconds = time.monotonic() - began_s
        share = {name: round(100.0 * (_core_s(service.pid)[name] - was) / seconds, 2) for name, was in before.items()}
        found = []
        while not arrived.empty():
            message = arrived.get()
            if message["schema"] == "affectd/utterance/1":
                found.append(message)
    assert len(found) >= 3 * n_rounds * len(seats), f"{len(found)} utterances of {5 * n_rounds * len(seats)} came"
    return found, share


def _sentences(folder: Path, n_rounds: int, seat: int) -> Path:
    """The beginnings of the bundled sentences, silence between them; each seat's in another order, and at other times."""
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    pause = np.zeros(round((PAUSE_S + 0.13 * seat) * rate_hz), np.int16)
    rng = np.random.default_rng(seat)
    parts = [np.zeros(rate_hz // 2, np.int16)]
    for _ in range(n_rounds):
        for start_s in rng.permutation(_starts(samples, rate_hz)):
            begin = round(start_s * rate_hz)
            # where a sentence ends differs by less than a block, too
            parts += [samples[begin : begin + round(SENTENCE_S * rate_hz) + int(rng.integers(320))], pause]
    path = folder / f"{SEATS[seat]}.wav"
    soundfile.write(path, np.concatenate(parts), rate_hz)
    return path


def _starts(samples: NDArray[np.int16], rate_hz: int) -> list[float]:
    """Where the sentences begin, in seconds: what the service hears in it."""
    from daemon import analysis, assembly
    from daemon.settings import Settings

    bodies = analysis.utterance_bodies(RECORDING, Settings(), assembly.open_model(registry.DEFAULT))
    assert all(body["speech"]["end_s"] * rate_hz <= len(samples) for body in bodies)
    return [max(0.0, body["speech"]["start_s"] - 0.1) for body in bodies]


def _subscribe(port: int, arrived: queue.Queue[dict[str, Any]], opened: ExitStack) -> None:
    command = ["mosquitto_sub", "-p", str(port), "-q", "1", "-t", "affectd/way/+/+", "-F", "%U %p"]
    subscriber = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    opened.callback(_end, subscriber)

    def collect() -> None:
        assert subscriber.stdout is not None
        for line in subscriber.stdout:
            received_s, payload = line.split(" ", 1)
            arrived.put({**json.loads(payload), "received_s": float(received_s)})

    threading.Thread(target=collect, daemon=True).start()


def _await_states(arrived: queue.Queue[dict[str, Any]], n_seats: int, service: subprocess.Popen[bytes], log: Path) -> None:
    """Each seat's first state: it hears."""
    until_s = time.monotonic() + PATIENCE_S
    there: set[str] = set()
    while len(there) < n_seats:
        assert service.poll() is None, log.read_text()
        assert time.monotonic() < until_s, log.read_text()
        try:
            message = arrived.get(timeout=1.0)
        except queue.Empty:
            continue
        if message["schema"] == "affectd/state/1" and message["hearing"]:
            there.add(message["source"])


def _core_s(pid: int) -> dict[str, float]:
    """Of the process with the loop, and of those that capture, one a microphone."""
    children = below(pid)
    return {"loop": look(pid).core_s, "capture": sum(look(child).core_s for child in children)}


def _end(child: subprocess.Popen[Any]) -> None:
    child.terminate()
    child.wait()


def table(figures: dict[str, Any]) -> str:
    """The stages, what they come to, and what it cost."""
    rows = [row(stage, spread_of) for stage, spread_of in figures["ms"].items()]
    share = figures["percent_of_a_core"]
    hang_over_ms, linger_ms, n = figures["hang_over_ms"].get("p50", 0.0), figures["linger_ms"], figures["microphones"]
    return (
        f"{columns(('ms', *NAMES), rows)}\n\n{figures['reached']}\n"
        f"before all this the gate's hang-over: p50 {hang_over_ms:g} ms; in `delivery` an event waits where another\n"
        f"was written less than {linger_ms:g} ms before. {n} microphones: the loop's process took {share['loop']:g} % of a\n"
        f"core, those that capture {share['capture']:g} % together."
    )


def _draw(path: Path, figures: dict[str, Any], totals_ms: NDArray[np.float64]) -> None:
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    stages = list(reversed([stage for stage in figures["ms"] if stage != TOTAL]))
    for y, stage in enumerate(stages):
        told = figures["ms"][stage]
        left.barh(y, told["p50"], color=OURS if stage != DELIVERY else OTHER)
        left.plot((told["p50"], told["p99"]), (y, y), color="black", linewidth=1.2, marker="|")
        left.text(told["p99"], y, f"  {said(told['p50'])} / {said(told['p99'])}", va="center", fontsize=9)
    left.set_yticks(range(len(stages)), [stage.replace("_", " ") for stage in stages])
    left.set_xlim(0, 1.4 * max(figures["ms"][stage]["p99"] for stage in stages))
    left.set_xlabel("ms: p50 as a bar, a whisker to p99")
    left.set_title("By stage", loc="left", fontsize=11)
    right.plot(totals_ms, 100.0 * np.arange(1, len(totals_ms) + 1) / len(totals_ms), color=OURS, linewidth=2)
    right.axvline(WANTED.must, color=MUST, linewidth=2, label=f"wanted at p99: {WANTED.must:g} ms")
    right.axvline(WANTED.aim or 0.0, color=AIM, linewidth=2, label=f"aim: {WANTED.aim:g} ms")
    right.set_xlim(0, max(2.2 * WANTED.must, 1.05 * totals_ms[-1]))
    right.set_ylim(0, 101)
    right.set_xlabel("ms beyond the gate's hang-over")
    right.set_ylabel("% of the utterances")
    right.set_title(f"Last voiced sample to subscriber, {len(totals_ms)} utterances", loc="left", fontsize=11)
    right.legend(loc="lower right", frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
