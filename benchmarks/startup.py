"""How long `affectd run` takes to be ready, with Numba's cache and without, and the memory it then has at rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.lines import Goal
from benchmarks.process import Process, look
from benchmarks.soak_sound import HISS
from daemon.demo.broker import PrivateBroker
from daemon.demo.subscriber import Subscriber
from dsp.params import FrontEndParams
from models import registry

ROOT = Path(__file__).parents[1]
WARM, COLD, MEMORY = Goal("<=", 3.0, 1.5), Goal("<=", 25.0, 10.0), Goal("<=", 220.0, 140.0)
N_WARM, N_COLD = 8, 2
REST_S = 5.0
PATIENCE_S = 300.0
RUN = "import sys; sys.modules.update(scipy=None, yaml=None); from daemon.__main__ import main; sys.exit(main())"
"""As on a plain installation: these are there for development, and Numba loads them where it finds them."""
SETTINGS = """
[node]
name = "start"
state = {state}
[broker]
port = {port}
[[source]]
name = "driver"
recording = {recording}
"""


@dataclass(frozen=True)
class Start:
    """One start."""

    wall_s: float
    core_s: float
    at_rest: Process


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Starts, one after the other, with a broker there; nobody speaks."""
    if plot is not None:
        raise SystemExit("startup draws nothing: leave --plot away")
    artefact = registry.load(registry.DEFAULT)
    figures: dict[str, Any] = {"model": artefact.name, "sha256": artefact.sha256}
    with tempfile.TemporaryDirectory(prefix="affectd-startup-") as name:
        folder = Path(name)
        _write_silence(folder / "silence.flac")
        if short:
            # with the kernels that are compiled already
            return {**figures, **_told("warm", [_start(folder, None, REST_S / 10)], WARM)}
        caches = [folder / f"cache-{k}" for k in range(N_COLD)]
        cold = [_start(folder, cache, REST_S) for cache in caches]
        warm = [_start(folder, caches[k % N_COLD], REST_S) for k in range(N_WARM)]
    return {**figures, **_told("warm", warm, WARM), **_told("cold", cold, COLD)}


def _start(folder: Path, cache: Path | None, rest_s: float) -> Start:
    """Starts the service, waits until it is ready, looks at it after a rest, and ends it."""
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache else {})}
    settings, log = folder / "affectd.toml", folder / "log"
    with PrivateBroker() as broker, tempfile.TemporaryDirectory(dir=folder) as state, log.open("wb") as stderr:
        recording = json.dumps(str(folder / "silence.flac"))
        settings.write_text(SETTINGS.format(state=json.dumps(state), port=broker.port, recording=recording))
        with _Readiness(broker.port) as readiness:
            command = [sys.executable, "-c", RUN, "run", "--config", str(settings)]
            started_s = time.perf_counter()
            service = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr)
            try:
                readiness.wait(service, log)
                wall_s, core_s = time.perf_counter() - started_s, look(service.pid).core_s
                time.sleep(rest_s)
                at_rest = look(service.pid)
                service.terminate()
                assert service.wait(PATIENCE_S) == 0, log.read_text()
            finally:
                service.kill()
                service.wait()
    return Start(wall_s, core_s, at_rest)


class _Readiness:
    """Ready is who has taken the first block of sound, with a model that has answered: its seat's first state is received."""

    def __init__(self, port: int) -> None:
        self._ready = threading.Event()
        self._subscriber = Subscriber(port, ["affectd/start/driver/state"], lambda *_: self._ready.set())

    def __enter__(self) -> _Readiness:
        self._subscriber.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._subscriber.__exit__(None, None, None)

    def wait(self, service: subprocess.Popen[bytes], log: Path) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not self._ready.wait(1.0):
            assert time.monotonic() < until_s, log.read_text()
            assert service.poll() is None, log.read_text()


def _write_silence(path: Path) -> None:
    rate_hz = FrontEndParams().sample_rate_hz
    hiss = np.random.default_rng(0).normal(0.0, HISS, 600 * rate_hz)
    soundfile.write(path, np.rint(hiss).astype(np.int16), rate_hz)


def _told(kind: str, starts: list[Start], goal: Goal) -> dict[str, Any]:
    walls_s = np.array([start.wall_s for start in starts])
    p50, p90, p99 = np.percentile(walls_s, (50, 90, 99))
    rss_mb = float(np.median([start.at_rest.rss_mb for start in starts]))
    return {
        f"{kind}_s_p50": round(float(p50), 2),
        f"{kind}_s_p90": round(float(p90), 2),
        f"{kind}_s_p99": round(float(p99), 2),
        f"{kind}_s_max": round(float(walls_s.max()), 2),
        f"{kind}_count": len(starts),
        f"{kind}_s_on_the_core": round(float(np.median([start.core_s for start in starts])), 2),
        f"{kind}_rss_mb_at_rest": round(rss_mb, 1),
        f"{kind}_anonymous_mb_at_rest": round(float(np.median([start.at_rest.anonymous_mb for start in starts])), 1),
        f"{kind}_reached": f"{_goal(goal, 's')}: {goal.reached(float(p50))}; {_goal(MEMORY, 'MB')}: {MEMORY.reached(rss_mb)}",
    }


def _goal(goal: Goal, unit: str) -> str:
    return f"{goal.must:g} {unit}, aim {goal.aim:g}"
