"""The settings of what judges the speech."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want
from models.providers import AUTO, WISHES
from models.registry import DEFAULT


@dataclass(frozen=True)
class ModelSettings:
    """What judges the speech."""

    name: str = DEFAULT
    """A model that ships (`affectd models`), or the path of an .onnx file."""
    stride_ms: float = 0.0
    """Between two windows while somebody speaks; 0: as the model's scores were measured. Whole frames of the model."""
    provider: str = AUTO
    """What it runs on: "tensorrt", "cuda" or "cpu"; "auto": the fastest of those whose answers a trial finds right."""

    def __post_init__(self) -> None:
        want(self.provider in WISHES, "provider", self.provider, '"auto", "tensorrt", "cuda" or "cpu"')
        want(0.0 <= self.stride_ms <= 10000.0, "stride_ms", self.stride_ms, "0 to 10000")
