"""What a model is to run on, found by a trial: each provider answers for the same frames, and must say what the CPU says.

ONNX Runtime's list of providers is no help: it is what was compiled in, and says nothing of drivers, libraries and memory.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Protocol, Sequence, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.contract import STEP_FRAMES, WINDOWS, Contract
from models.errors import ModelError
from models.providers import ACCELERATORS, AUTO, CPU, Inference
from models.session import first_line

TOLERANCE = 0.02
"""No probability may be farther from the CPU's. Weights of 16 bits alone move none by more than 0.0002; TensorRT computes in 16
bits, too, which comes on top, and a label that this could change was as good as another."""
N_TIMED = 15
LOUDNESS, LIVELINESS = -6.0, 3.0
"""Mean and deviation of the trial's frames, about those of log-mel."""


class Asked(Protocol):
    """Of a model, what a trial needs."""

    contract: Contract
    inference: Inference

    def begin(self) -> Any:
        """An utterance."""

    def answer(self, pieces: Sequence[Any]) -> NDArray[np.float64]:
        """Its probabilities so far."""


M = TypeVar("M", bound=Asked)


@dataclass(frozen=True)
class Answers:
    """What one provider said, and how fast."""

    probabilities: NDArray[np.float64]
    """(n, n_labels)"""
    fastest_ms: float
    """The shortest of N_TIMED answers: what else the machine does only ever makes it longer."""


def trial(model: Asked, now_ns: Callable[[], int] = time.perf_counter_ns) -> Answers:
    """Ask for an utterance as the service does: pieces of the usual length, then a short one. Raises what ONNX Runtime does."""
    contract = model.contract
    frames = _frames(contract)
    utterance = model.begin()
    pieces = [frames, frames[::-1], frames[:STEP_FRAMES] if contract.form != WINDOWS else frames]
    said = [model.answer([utterance.push(np.ascontiguousarray(piece))])[0] for piece in pieces]
    fastest_ns = min(_timed_ns(model, utterance, frames, now_ns) for _ in range(N_TIMED))
    return Answers(np.stack(said), fastest_ns / 1e6)


def require_same(answers: Answers, right: Answers) -> None:
    """Raises ModelError where a provider answers otherwise than the CPU."""
    off = float(np.abs(answers.probabilities - right.probabilities).max())
    # NaN compares with nothing
    if not off <= TOLERANCE:
        raise ModelError(f"it answers wrongly: a probability is off by {off:.3f}, at most {TOLERANCE:g} may be")


def choose(
    on_cpu: M, wanted: str, openers: Mapping[str, Callable[[], M]], now_ns: Callable[[], int] = time.perf_counter_ns
) -> M:
    """`on_cpu`, or the model that one of `openers` opens, with its `inference` set.

    `wanted`: AUTO, or one of ACCELERATORS. `openers`: for each of these; whatever one raises is why there is no such model
    here. With `auto` the fastest of those that answer rightly wins. Raises ModelError for another wish that cannot be had.
    """
    refused: dict[str, str] = {}
    right: Answers | None = None
    found: dict[str, tuple[M, Answers]] = {}
    for name in ACCELERATORS if wanted == AUTO else [wanted]:
        try:
            model = openers[name]()
            right = right or trial(on_cpu, now_ns)
            answers = trial(model, now_ns)
            require_same(answers, right)
            found[name] = model, answers
        except Exception as trouble:  # ONNX Runtime and the drivers raise a dozen unrelated classes: none may cost the service
            refused[name] = first_line(trouble)
    if wanted != AUTO:
        if refused:
            raise ModelError(f'[model] provider = "{wanted}" cannot be had: {refused[wanted]}; "auto" takes what works')
    elif right:
        found[CPU] = on_cpu, right
    return _fastest(found, refused) if found else _with(on_cpu, Inference(CPU, None, refused))


def _fastest(found: Mapping[str, tuple[M, Answers]], refused: dict[str, str]) -> M:
    name = min(found, key=lambda one: found[one][1].fastest_ms)
    model, best = found[name]
    for other, (_, answers) in found.items():
        if other != name:
            refused[other] = f"slower here: {answers.fastest_ms:.2f} ms an answer, {name} takes {best.fastest_ms:.2f}"
    return _with(model, Inference(name, round(best.fastest_ms, 3), refused))


def _with(model: M, inference: Inference) -> M:
    model.inference = inference
    return model


def _frames(contract: Contract) -> NDArray[np.float32]:
    """Always the same: (window_frames or stride_frames, n_features)."""
    n_frames = contract.window_frames if contract.form == WINDOWS else contract.stride_frames
    noise = np.random.default_rng(0).standard_normal((n_frames, contract.front_end.n_features))
    return np.asarray(LOUDNESS + LIVELINESS * noise, np.float32)


def _timed_ns(model: Asked, utterance: Any, frames: NDArray[np.float32], now_ns: Callable[[], int]) -> int:
    piece = utterance.push(frames)
    before_ns = now_ns()
    model.answer([piece])
    return now_ns() - before_ns
