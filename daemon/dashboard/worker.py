"""One recording, in a process of its own: whatever is in it, the page lives. `python -m daemon.dashboard.worker WISH`.

WISH is JSON: the number of an open file, what the person called it, and the models. On stdout, a JSON object a line:
progress, and in the end a result or an error. The sound is in memory alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import soundfile
from numpy.typing import NDArray

from daemon import analysis, assembly
from daemon.capture.recording import Recording
from daemon.dashboard.acoustics import acoustics
from daemon.dashboard.curves import curves
from daemon.dashboard.sound import MOST_CHANNELS, require_length
from daemon.errors import AffectdError, RecordingError
from daemon.settings import ModelSettings, SeatSettings, Settings
from models.contract import STREAM
from models.errors import ModelError

MOST_BYTES = 1536 << 20
"""Of memory."""
MOST_CPU_S = 600
TELL_EVERY_S = 0.2
MOST_STEPS = 4000
"""Answers along the recording that are shown; of more, each n-th."""


def main(arguments: list[str]) -> int:
    """Exit code 0: there was a result, or a reason why not."""
    bound()
    _tell(answer(json.loads(arguments[0])))
    return 0


def answer(wish: Mapping[str, Any]) -> dict[str, Any]:
    """The result, or an error that calls the recording what the person does."""
    path = Path(f"/proc/self/fd/{int(wish['fd'])}")
    try:
        return {"result": judge(path, [str(name) for name in wish["models"]])}
    except (AffectdError, ModelError) as trouble:
        return {"error": str(trouble).replace(str(path), str(wish["name"]))}
    except MemoryError:
        return {"error": f"{wish['name']}: needs more memory than a recording gets here, {MOST_BYTES >> 20} MB"}


def bound() -> None:
    """No more memory and time than this, and no sound in a core dump."""
    for what, most in ((resource.RLIMIT_DATA, MOST_BYTES), (resource.RLIMIT_CPU, MOST_CPU_S), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


def judge(path: Path, models: list[str]) -> dict[str, Any]:
    """What the models say of it, and what can be seen and measured. Raises RecordingError, ModelError."""
    _tell({"progress": 0.0, "doing": "reading the recording"})
    facts, remarks = _looked_at(path)
    duration_s, n_parts = facts["duration_s"], len(models) + 2
    answers = [_judged(path, name, _Progress(duration_s, part, n_parts, name)) for part, name in enumerate(models)]
    pictures = curves(path, duration_s, _Progress(duration_s, len(models), n_parts, "the pictures").heard)
    features = acoustics(path, _Progress(duration_s, len(models) + 1, n_parts, "the table").heard)
    return {
        **facts,
        "remarks": remarks,
        "models": answers,
        "curves": pictures,
        "features": [one._asdict() for one in features],
    }


def _looked_at(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What its header says, and what a person should know of it. Raises RecordingError for what is no recording for us."""
    with Recording(path, "", 16000, 320) as recording:
        remarks = recording.remarks
    header = soundfile.info(str(path))
    if header.channels > MOST_CHANNELS:
        raise RecordingError(f"{path}: has {header.channels} channels: want {MOST_CHANNELS} at most")
    require_length(path, header.duration)
    facts = {
        "duration_s": header.duration,
        "sample_rate_hz": header.samplerate,
        "channels": header.channels,
        "format": f"{header.format_info}, {header.subtype_info}",
    }
    return facts, remarks


def _judged(path: Path, name: str, progress: _Progress) -> dict[str, Any]:
    """What one model says; where it cannot judge it, why."""
    progress.opening()
    opening_ns = time.perf_counter_ns()
    model = assembly.open_model(name)
    opened_ms = (time.perf_counter_ns() - opening_ns) / 1e6
    contract = model.contract
    settings = replace(Settings(), model=ModelSettings(name=name), seat=SeatSettings(adapt=False))
    said: dict[str, Any] = {
        "model": contract.name,
        "labels": list(contract.labels),
        "licence": contract.licence,
        "of": "the utterance so far" if contract.form == STREAM else "one window",
        "min_confidence": settings.decision.with_model(contract).min_confidence,
        "open_ms": round(opened_ms, 1),
    }
    try:
        result = analysis.analyze(path, settings, model, progress)
    except RecordingError as trouble:
        return {**said, "error": str(trouble).partition(": ")[2], "steps": progress.shown()}
    judged = {key: value for key, value in result.as_dict().items() if key != "path"}
    return {**said, **judged, "remarks": result.remarks, "steps": progress.shown()}


class _Progress:
    """Of one part of the work: told now and then. And a model's answers along the recording."""

    def __init__(self, duration_s: float, part: int, n_parts: int, doing: str) -> None:
        self._duration_s, self._part, self._n_parts, self._doing = duration_s, part, n_parts, doing
        self._told_s = 0.0
        self._steps: list[list[Any]] = []

    def opening(self) -> None:
        """The model is opened; the first time after an installation its kernels are compiled, too."""
        _tell({"progress": round(self._part / self._n_parts, 3), "doing": f"opening {self._doing}"})

    def heard(self, upto_s: float) -> None:
        """See `analysis.LookOn`."""
        now_s = time.monotonic()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            share = (self._part + min(1.0, upto_s / max(self._duration_s, 1e-3))) / self._n_parts
            _tell({"progress": round(share, 3), "doing": self._doing})

    def judged(self, upto_s: float, answers: NDArray[np.float64]) -> None:
        """See `analysis.LookOn`."""
        self._steps += [[round(upto_s, 3), [round(float(one), 4) for one in answer]] for answer in answers]

    def shown(self) -> list[list[Any]]:
        """Where each answer was known, in seconds, and its probabilities."""
        return self._steps[:: 1 + len(self._steps) // MOST_STEPS]


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what, separators=(",", ":"), allow_nan=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
