"""The same in real time: `affectd run` on one core, with so many recordings in the place of microphones."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import AbstractSet, Any

import numpy as np
import soundfile

from benchmarks.process import look
from benchmarks.seats import I16
from benchmarks.service import affectd_run
from benchmarks.spread import spread
from daemon.demo.broker import PrivateBroker
from daemon.demo.subscriber import Subscriber

N_FILES = 40
"""The sound from so many places: more seats share them."""
BEGIN_S = 3.0
"""Of sound: the start, and first states, are not looked at."""
PATIENCE_S = 600.0
SETTINGS = """
[node]
name = "seats"
state = {state}
[broker]
port = {port}
[discovery]
enabled = false
[journal]
utterances = false
"""


def in_real_time(n_seats: int, sound: I16, rate_hz: int, seconds: float, cores: AbstractSet[int]) -> dict[str, Any]:
    """How late utterances were committed, and what the core did. The service has the first of `cores`; broker and subscriber
    have the others, where there are any.
    """
    with tempfile.TemporaryDirectory(prefix="affectd-seats-") as name:
        folder = Path(name)
        files = _files(folder, sound, rate_hz, seconds + BEGIN_S)
        late_ms: list[float] = []
        began = threading.Event()

        def receive(topic: str, payload: str) -> None:
            began.set()
            body = json.loads(payload)
            if topic.endswith("/utterance") and body["speech"]["end_s"] > BEGIN_S:
                late_ms.append(body["latency_ms"]["total"] - body["latency_ms"]["hang_over"])

        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, set(sorted(cores)[1:]) or set(cores))
        try:
            with PrivateBroker() as broker, Subscriber(broker.port, ["affectd/seats/+/+"], receive):
                settings = folder / "affectd.toml"
                places = [json.dumps(str(files[k % N_FILES])) for k in range(n_seats)]
                sources = [f'[[source]]\nname = "seat{k}"\nrecording = {place}\n' for k, place in enumerate(places)]
                head = SETTINGS.format(state=json.dumps(str(folder / "state")), port=broker.port)
                settings.write_text(head + "".join(sources))
                percent = _served(settings, folder / "log", min(cores), began, seconds)
        finally:
            os.sched_setaffinity(0, before)
    return {"seats": n_seats, "seconds": seconds, "percent_of_a_core": percent, "utterance_ms": spread(late_ms)}


def _files(folder: Path, sound: I16, rate_hz: int, seconds: float) -> list[Path]:
    found = []
    for k, begin in enumerate(np.random.default_rng(0).integers(len(sound), size=N_FILES)):
        path = folder / f"{k}.wav"
        whole = np.tile(np.roll(sound, -int(begin)), 1 + round(seconds * rate_hz) // len(sound))
        soundfile.write(path, whole[: round(seconds * rate_hz)], rate_hz)
        found.append(path)
    return found


def _served(settings: Path, log: Path, core: int, began: threading.Event, seconds: float) -> float:
    """Until its recordings end; per cent of its core while they last."""
    with affectd_run(settings, log) as service:
        os.sched_setaffinity(service.pid, {core})
        assert began.wait(PATIENCE_S), log.read_text()
        time.sleep(BEGIN_S)
        core_s, began_s = look(service.pid).core_s, time.monotonic()
        time.sleep(0.9 * (seconds - BEGIN_S))
        percent = 100.0 * (look(service.pid).core_s - core_s) / (time.monotonic() - began_s)
        assert service.wait(PATIENCE_S) == 0, log.read_text()
    return round(percent, 1)
