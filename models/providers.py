"""What a model may run on: TensorRT, CUDA or the CPU; what ONNX Runtime is told of each, and which of them it came to.

Nothing here needs ONNX Runtime. Which of them works is found by a trial: `models.choosing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

TENSORRT, CUDA, CPU = "tensorrt", "cuda", "cpu"
AUTO = "auto"
WISHES = (AUTO, TENSORRT, CUDA, CPU)
ACCELERATORS = (TENSORRT, CUDA)
NAMES: Mapping[str, str] = {
    TENSORRT: "TensorrtExecutionProvider",
    CUDA: "CUDAExecutionProvider",
    CPU: "CPUExecutionProvider",
}
"""As ONNX Runtime calls them."""
WITHOUT_TIMING_PATH = (1, 16)
"""Up to this version ONNX Runtime knows of no path for the timing cache: it lies with the engines."""

Shapes = Mapping[str, Tuple[Tuple[int, ...], Tuple[int, ...], Tuple[int, ...]]]
"""The smallest, the usual and the largest shape of each input whose shape is open, by its name."""
Placement = List[Tuple[str, Dict[str, Any]]]
"""ONNX Runtime's providers with their options, the one that is wanted first."""


@dataclass(frozen=True)
class Inference:
    """What a model runs on, and why on nothing else."""

    provider: str = CPU
    trial_ms: float | None = None
    """Of one answer in the trial; None: there was none, as there was no choice."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why not on these."""

    def as_dict(self) -> dict[str, Any]:
        """As /health carries it."""
        return {"provider": self.provider, "trial_ms": self.trial_ms, "refused": dict(self.refused)}


@dataclass(frozen=True)
class Wish:
    """What somebody who opens a model wants it to run on. Not said: on the CPU, whose answers are the same at each start."""

    provider: str = CPU
    """One of WISHES. `auto`: the fastest of those that answer rightly; another: that one, or none."""
    engines: Path | None = None
    """The folder below which TensorRT's engines are kept; without one there are none."""
    on_slow: Callable[[float], None] = field(default=lambda _seconds: None)
    """Called before something that may take so many seconds, in which nothing else can be said."""


def placement(provider: str, shapes: Shapes | None = None, engine: Path | None = None, version: str = "") -> Placement:
    """`engine`: the folder of TensorRT's engine; `version`: ONNX Runtime's. What TensorRT cannot do, CUDA does."""
    if provider == CPU:
        return [(NAMES[CPU], {})]
    on_cuda: Placement = [(NAMES[CUDA], {}), *placement(CPU)]
    return on_cuda if provider == CUDA else [(NAMES[TENSORRT], _tensorrt(shapes or {}, engine, version)), *on_cuda]


def _tensorrt(shapes: Shapes, engine: Path | None, version: str) -> dict[str, Any]:
    """All of it is off unless asked for, and then each start takes a minute."""
    options: dict[str, Any] = {
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(engine),
        "trt_timing_cache_enable": True,
    }
    if _release(version) > WITHOUT_TIMING_PATH:
        options["trt_timing_cache_path"] = str(engine)
    # without them an engine is built anew for each new length, in the middle of somebody's sentence
    for n, which in enumerate(("min", "opt", "max")):
        if shapes:
            options[f"trt_profile_{which}_shapes"] = ",".join(
                f"{name}:{_times(ranges[n])}" for name, ranges in sorted(shapes.items())
            )
    return options


def _times(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
