"""How many times faster than real time the live path runs on one core, by how much of the time somebody speaks."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from daemon import analysis, assembly
from daemon.demo.demo import RECORDING
from daemon.settings import Settings
from models import registry

HOUR_S = 3600
SPOKEN = {"always": 1.0, "a_tenth": 0.1, "never": 0.0}


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Replays the bundled speech, again and again with silence between, for an hour of sound each."""
    if plot is not None:
        raise SystemExit("stream draws nothing: leave --plot away")
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    model = assembly.open_model(registry.DEFAULT)
    figures: dict[str, Any] = {"model": model.contract.name, "sha256": model.sha256}
    for name, share in SPOKEN.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sound.flac"
            seconds = _write(path, share, 60 if short else HOUR_S)
            started = time.process_time()
            heard = analysis.replay(path, Settings(), model, None, frozenset(), lambda _: None)
            took_s = time.process_time() - started  # of the core alone: other work beside must not count
        figures[f"{name}_utterances"] = heard.n_utterances
        figures[f"{name}_times_real_time"] = round(seconds / took_s, 1)
        figures[f"{name}_percent_of_a_core"] = round(100.0 * took_s / seconds, 3)
    return figures


def _write(path: Path, share: float, at_least_s: int) -> float:
    """A recording with speech for about that share of the time; its seconds."""
    speech, rate_hz = soundfile.read(RECORDING, dtype="int16")
    hiss = np.random.default_rng(0).normal(0.0, 3.0, len(speech)).astype(np.int16)
    every = round(1.0 / share) if share else 0
    rounds = -(-at_least_s * rate_hz // len(speech))
    with soundfile.SoundFile(path, "w", rate_hz, 1, subtype="PCM_16") as file:
        for k in range(rounds):
            file.write(speech if every and k % every == 0 else hiss)
    return float(rounds * len(speech) / rate_hz)
