"""How long a new process takes to its first features: with Numba's cache, and without."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.frontend_stream import LIVE, LIVE_KINDS
from benchmarks.lines import Goal, Line, side, valued

ROOT = Path(__file__).parents[1]
WARM, COLD = Goal("<=", 1.5), Goal("<=", 15.0)
N_IMPORTS = 3

FIRST_FEATURES = """
import sys
import numpy as np
from dsp.online import OnlineFrontEnd
from dsp.params import FrontEndParams
params = FrontEndParams(kinds=tuple(sys.argv[1:]))
frames = OnlineFrontEnd(params, params.frame_samples).push(np.zeros(params.frame_samples, np.float32))
assert frames.shape == (1, params.n_features)
"""


def cold_start(n_warm: int) -> tuple[list[Line], dict[str, float]]:
    """Seconds from the process's start to its end, right after its first frame; and the milliseconds of slow imports."""
    with tempfile.TemporaryDirectory() as cache:
        cold = np.array([_start(cache)])
        warm = np.array([_start(cache) for _ in range(n_warm)])
        imports = _imports(cache)
    question = f"process start to first features, live set ({len(LIVE.kinds)} kinds)"
    told: list[Line] = []
    notes = {f"import {name}, ms": ms for name, ms in imports}
    for name, both, goal in (("kernels compiled before", warm, WARM), ("no cache: compiles them", cold, COLD)):
        line = side(question, name, both[:, 0])
        told.append(valued(line, line.p50_us / 1e6, "s", goal, us_a_unit=1e6))
        notes[f"{name}, s on the core"] = float(np.median(both[:, 1])) / 1e9
    return told, notes


def _start(cache: str) -> tuple[int, int]:
    """Nanoseconds on the clock and on the core."""
    started_ns, before_s = time.perf_counter_ns(), _children_s()
    _run(cache)
    return time.perf_counter_ns() - started_ns, round((_children_s() - before_s) * 1e9)


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _run(cache: str, *flags: str) -> str:
    command = [sys.executable, *flags, "-c", FIRST_FEATURES, *LIVE_KINDS]
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.PIPE, text=True).stderr


def _imports(cache: str) -> list[tuple[str, float]]:
    """The packages whose modules take longest to import, their own time alone, in milliseconds."""
    own: Counter[str] = Counter()
    for us, name in re.findall(r"^import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)$", _run(cache, "-X", "importtime"), re.MULTILINE):
        own[name.split(".")[0]] += int(us)
    return [(name, us / 1e3) for name, us in own.most_common(N_IMPORTS)]
