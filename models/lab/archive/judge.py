"""One recording judged as `affectd analyze` judges it, on whatever machine: a row, and in it what was wrong."""

from __future__ import annotations

import os
import platform
import stat
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from daemon import analysis, assembly
from daemon.errors import RecordingError
from daemon.ports import Model
from daemon.settings import ModelSettings, SeatSettings, Settings
from models import registry
from models.contract import UNCERTAIN
from models.errors import ModelError
from models.lab.errors import LabError
from models.lab.likeness import code, require_equal

LIBRARIES = ("numpy", "numba", "onnxruntime", "soundfile", "soxr", "webrtcvad-wheels")
"""Of which another version may answer otherwise in the last digit."""


@dataclass(frozen=True)
class Row:
    """What became of one recording. All but row, milliseconds and error are None or empty where it could not be judged."""

    row: int
    """Its place in the listing."""
    milliseconds: float
    """That it took, by the clock."""
    error: str | None = None
    """One line."""
    label: str | None = None
    """`uncertain` where no label is likely enough."""
    confidence: float | None = None
    probabilities: tuple[float, ...] = ()
    """In the order of the model's labels."""
    seconds: float | None = None
    """Of sound."""
    utterances: int | None = None
    windows: int | None = None
    """Answers of the model on which the probabilities rest."""
    remarks: str | None = None

    @property
    def uncertain(self) -> bool | None:
        """None where it could not be judged."""
        return None if self.label is None else self.label == UNCERTAIN


@dataclass(frozen=True)
class Task:
    """Recordings that are judged at one go."""

    rows: tuple[int, ...]
    paths: tuple[bytes, ...]
    """Absolute; a name need not be UTF-8."""

    def singly(self) -> list[Task]:
        """A task for each of them."""
        return [Task((row,), (path,)) for row, path in zip(self.rows, self.paths)]


@dataclass(frozen=True)
class Asked:
    """By what recordings are to be judged."""

    model: str
    """A name, or an absolute path, the same wherever recordings are judged."""
    made_of: tuple[tuple[str, str], ...]
    """See `made_of`."""


def made_of(model: str) -> dict[str, str]:
    """All on which an answer depends: the model's content, our sources, libraries. Raises LabError without such a model."""
    try:
        artefact = registry.load(model)
    except ModelError as trouble:
        raise LabError(str(trouble)) from trouble
    return {"model": artefact.name, "model's sha256": artefact.sha256, **code(LIBRARIES)}


def labels_of(model: str) -> tuple[str, ...]:
    """The model's labels, in its order. Raises LabError for a model that cannot be used."""
    return _opened(model).contract.labels


def judged(asked: Asked, task: Task) -> list[Row]:
    """A row for each recording. Raises LabError where the model or affectd is another here than what is asked for."""
    model = _same(asked)
    settings = replace(Settings(), model=ModelSettings(name=asked.model), seat=SeatSettings(adapt=False))
    return [_row(row, Path(os.fsdecode(path)), settings, model) for row, path in zip(task.rows, task.paths)]


@lru_cache(maxsize=1)
def _same(asked: Asked) -> Model:
    """Opened once a process. Whoever comes late, when all others have been asked what they are made of, is asked here."""
    require_equal(made_of(asked.model), dict(asked.made_of), f"the worker on {platform.node()}")
    return _opened(asked.model)


def _opened(model: str) -> Model:
    try:
        return assembly.open_model(model)
    except ModelError as trouble:
        raise LabError(str(trouble)) from trouble


def _row(row: int, path: Path, settings: Settings, model: Model) -> Row:
    started_ns = time.perf_counter_ns()
    try:
        _require_file(path)
        found = analysis.analyze(path, settings, model)
    except RecordingError as trouble:
        return Row(row, _ms_since(started_ns), _one_line(str(trouble).removeprefix(f"{path}: ")))
    except OSError as trouble:
        return Row(row, _ms_since(started_ns), f"cannot be read ({trouble.strerror})")
    except Exception as trouble:  # one recording of a hundred thousand must not end the others: its row says what it was
        return Row(row, _ms_since(started_ns), _one_line(f"{type(trouble).__name__}: {trouble}"))
    return Row(
        row,
        _ms_since(started_ns),
        label=found.label,
        confidence=found.confidence,
        probabilities=tuple(found.probabilities.values()),
        seconds=found.duration_s,
        utterances=len(found.utterances),
        windows=found.n_windows,
        remarks="; ".join(found.remarks) or None,
    )


def _require_file(path: Path) -> None:
    """A pipe would be waited for without end, and what may not be read is a "System error" to libsndfile."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise RecordingError("no such file") from None
    if stat.S_ISREG(mode):
        path.open("rb").close()
    elif stat.S_ISDIR(mode):
        os.scandir(path).close()
    else:
        raise RecordingError("is no file, but a pipe, a socket or a device")


def _ms_since(started_ns: int) -> float:
    return round((time.perf_counter_ns() - started_ns) / 1e6, 3)


def _one_line(text: str) -> str:
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
