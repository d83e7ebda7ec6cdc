"""What the front end costs beside librosa, scipy.fft.rfft and kaldi-native-fbank, over an hour, by kind, and at the start."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import soundfile

from benchmarks import frontend_cold, frontend_peers, frontend_stream
from benchmarks.lines import Line, columns
from benchmarks.lines import table as table_of_lines
from benchmarks.rounds import Progress, one_core
from daemon.demo.demo import RECORDING

PEERS = ("librosa", "scipy", "kaldi_native_fbank", "threadpoolctl")
EXCERPT_S = 3
COUNTS = {"rounds": 300, "streams": 10, "minutes": 60, "passes": 8, "fades": 16, "starts": 5}
SHORT = {"rounds": 10, "streams": 1, "minutes": 5, "passes": 1, "fades": 2, "starts": 1}
STAGES_S = {
    "librosa and rfft": (3.5, 1.0),
    "kaldi-native-fbank": (3.0, 1.0),
    "an hour": (2.5, 0.5),
    "the live set": (1.5, 0.5),
    "a fade": (0.5, 0.2),
    "kind by kind": (1.0, 0.3),
    "process starts": (18.0, 14.0),
}
"""What each takes about, in full and in short: for the progress alone."""


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Every question in one run on one core; the picture too if asked for."""
    for name in PEERS:
        if find_spec(name) is None:
            raise SystemExit(f"frontend needs {name}: pip install -e .[dev], with Python 3.10 or newer")
    from threadpoolctl import threadpool_limits

    one_core()
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    excerpt = samples[: EXCERPT_S * rate_hz]
    n = SHORT if short else COUNTS
    progress = Progress({name: seconds[short] for name, seconds in STAGES_S.items()})
    lines: list[Line] = []
    notes: dict[str, float] = {}
    with threadpool_limits(1):
        progress.stage("librosa and rfft")
        for params in (frontend_peers.LONG_PARAMS, frontend_peers.SERVICE_PARAMS):
            _add(lines, notes, *frontend_peers.whole(params, excerpt, n["rounds"]))
        progress.stage("kaldi-native-fbank")
        _add(lines, notes, *frontend_peers.streamed(samples, n["streams"]))
        progress.stage("an hour")
        lines += frontend_stream.hour(samples, n["minutes"])
        progress.stage("the live set")
        lines += frontend_stream.live_set(samples, n["passes"])
        progress.stage("a fade")
        lines += frontend_stream.fade(n["fades"])
        progress.stage("kind by kind")
        kinds = frontend_stream.by_kind(samples, n["passes"])
    progress.stage("process starts")
    _add(lines, notes, *frontend_cold.cold_start(n["starts"]))
    if plot is not None:
        from benchmarks.frontend_bars import draw

        draw(plot, lines)
    return {"lines": [asdict(line) for line in lines], "kinds": kinds, "notes": notes}


def _add(lines: list[Line], notes: dict[str, float], more_lines: list[Line], more_notes: dict[str, float]) -> None:
    lines += more_lines
    notes.update(more_notes)


def table(figures: dict[str, Any]) -> str:
    """The figures in columns, and how to read them."""
    kinds = [(row["kind"], f"{row['us_a_frame']:.2f}", f"{row['percent_of_real_time']:.3f}") for row in figures["kinds"]]
    notes = [(name, f"{value:.3g}") for name, value in figures["notes"].items()]
    return "\n\n".join(
        (
            table_of_lines(figures["lines"]),
            columns(("a kind alone, 100 ms blocks", "us a frame", "% of real time"), kinds),
            columns(("also", "value"), notes),
            "Times are the thread's own on one core; those of process starts are of the clock. By pairs: the median of the\n"
            "ratios, two rounds by two, which is what is judged; of medians: the ratio of the two medians. The share of real\n"
            "time is that of the median pass over the recording. A kind alone pays for its FFT too.",
        )
    )
