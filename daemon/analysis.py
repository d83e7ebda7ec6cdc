"""Recordings through the live path: `affectd replay` and `affectd analyze`."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Protocol, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon import assembly
from daemon.clock import StepClock
from daemon.decision import CLIPPED_SHARE
from daemon.delivery.outbox import as_letter
from daemon.errors import RecordingError
from daemon.events import Block, Message
from daemon.ports import Model, Sink, Utterance
from daemon.settings import Settings
from models.adaptation import Heard
from models.contract import UNCERTAIN

REPLAY_BOOT = "replay"


class LineSink:
    """Hands each message on as the line that a subscriber would receive, numbered from 1."""

    def __init__(self, write: Callable[[str], None], kinds: frozenset[str]) -> None:
        self._write = write
        self._kinds = kinds
        self._seq = 0

    def commit(self, message: Message) -> int:
        """Write the message if it is of a wanted kind."""
        self._seq += 1
        if message.topic.rsplit("/", 1)[-1] in self._kinds:
            self._write(as_letter(message, REPLAY_BOOT, self._seq).payload.decode())
        return self._seq


class ListSink:
    """Keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def commit(self, message: Message) -> int:
        """Keep the message."""
        self.messages.append(message)
        return len(self.messages)


class LookOn(Protocol):
    """Who wants to know how far a recording is, and what the model says on the way."""

    def heard(self, upto_s: float) -> None:
        """So much of it was heard."""

    def judged(self, upto_s: float, answers: NDArray[np.float64]) -> None:
        """What the model says by then, (n, n_labels): of the newest windows, or of an utterance so far."""


@dataclass(frozen=True)
class Replayed:
    """What a replay went through."""

    n_utterances: int
    duration_s: float
    remarks: list[str]
    """See `Recording.remarks`."""


def replay(
    path: Path,
    settings: Settings,
    model: Model,
    speed: float | None,
    kinds: frozenset[str],
    write: Callable[[str], None],
) -> Replayed:
    """The live path on a recording: the same lines at every speed. Raises RecordingError."""
    return _run(path, settings, model, speed, LineSink(write, kinds))


def _run(
    path: Path, settings: Settings, model: Model, speed: float | None, sink: Sink, look_on: LookOn | None = None
) -> Replayed:
    clock = _ToldClock(look_on) if look_on else StepClock()
    asked = _ToldModel(model, clock, look_on) if look_on else model
    with assembly.open_recording(path, _seat_name(settings), model.contract, speed) as source:
        pipeline, seats = assembly.assemble(settings, asked, [source], sink, clock, REPLAY_BOOT)
        pipeline.run(threading.Event())
        return Replayed(seats[0].n_utterances, seats[0].now_sample / source.rate_hz, source.remarks)


@dataclass(frozen=True)
class Result:
    """What a recording was, taken as a whole."""

    path: Path
    label: str
    confidence: float
    probabilities: dict[str, float]
    duration_s: float
    elapsed_ms: float
    model: str
    remarks: list[str]
    """See `Recording.remarks`."""
    utterances: list[dict[str, Any]]
    """Each stretch of speech: start_s, end_s, label, confidence."""
    n_windows: int
    """Answers of the model on which the probabilities rest."""

    def as_dict(self) -> dict[str, Any]:
        """As `analyze --json` prints it."""
        return {
            "path": str(self.path),
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
            "duration_s": self.duration_s,
            "elapsed_ms": self.elapsed_ms,
            "model": self.model,
            "utterances": self.utterances,
        }


def analyze(path: Path, settings: Settings, model: Model, look_on: LookOn | None = None) -> Result:
    """One answer for a recording: its utterances' probabilities, each weighted by its windows.

    Raises RecordingError when it cannot be read, when nobody speaks in it, or when it is clipped beyond judging.
    """
    started_ns = time.perf_counter_ns()
    bodies, heard = _hear(path, settings, model, look_on)
    duration_s = heard.duration_s
    if not bodies:
        raise RecordingError(f"{path}: nobody speaks in its {duration_s:.1f} s: nothing to judge")
    clear = [body for body in bodies if body["clipped_share"] <= CLIPPED_SHARE]
    if not clear:
        share = max(body["clipped_share"] for body in bodies)
        raise RecordingError(f"{path}: {share:.0%} of the speech is at full scale: record it again at a lower level")
    n_windows = sum(body["windows"] for body in clear)
    probabilities = {
        label: round(sum(body["probabilities"][label] * body["windows"] for body in clear) / n_windows, 4)
        for label in model.contract.labels
    }
    best = max(probabilities, key=lambda label: probabilities[label])
    confidence = probabilities[best]
    return Result(
        path=path,
        label=best if confidence >= settings.decision.with_model(model.contract).min_confidence else UNCERTAIN,
        confidence=confidence,
        probabilities=probabilities,
        duration_s=round(duration_s, 4),
        elapsed_ms=round((time.perf_counter_ns() - started_ns) / 1e6, 3),
        model=model.contract.name,
        remarks=heard.remarks,
        utterances=[_brief(body) for body in bodies],
        n_windows=n_windows,
    )


def utterance_bodies(path: Path, settings: Settings, model: Model) -> list[Mapping[str, Any]]:
    """The utterance messages of a recording. Raises RecordingError."""
    return _hear(path, settings, model)[0]


def _hear(
    path: Path, settings: Settings, model: Model, look_on: LookOn | None = None
) -> tuple[list[Mapping[str, Any]], Replayed]:
    """The utterance messages of a recording, and what it took."""
    sink = ListSink()
    heard = _run(path, settings, model, None, sink, look_on)
    return [message.body for message in sink.messages if message.topic.endswith("/utterance")], heard


def _brief(body: Mapping[str, Any]) -> dict[str, Any]:
    speech = body["speech"]
    return {
        "start_s": speech["start_s"],
        "end_s": speech["end_s"],
        "label": body["label"],
        "confidence": body["confidence"],
    }


def _seat_name(settings: Settings) -> str:
    return settings.source[0].name if settings.source else "cabin"


class _ToldClock(StepClock):
    """Tells how far the recording is."""

    def __init__(self, look_on: LookOn) -> None:
        super().__init__()
        self._look_on = look_on

    def heard(self, block: Block) -> None:
        super().heard(block)
        self._look_on.heard(self.now_ns() / 1e9)


class _ToldModel:
    """The model, and who looks on hears each of its answers."""

    def __init__(self, model: Model, clock: StepClock, look_on: LookOn) -> None:
        self.contract, self.sha256, self.inference = model.contract, model.sha256, model.inference
        self._model = model
        self._clock = clock
        self._look_on = look_on

    @property
    def identity(self) -> dict[str, str]:
        return self._model.identity

    def begin(self, heard: Heard | None = None) -> Utterance:
        return self._model.begin(heard)

    def answer(self, pieces: Sequence[Any]) -> NDArray[np.float64]:
        answers = self._model.answer(pieces)
        self._look_on.judged(self._clock.now_ns() / 1e9, answers)
        return answers
