"""The settings of what judges the speech."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want
from models.registry import DEFAULT


@dataclass(frozen=True)
class ModelSettings:
    """What judges the speech."""

    name: str = DEFAULT
    """A model that ships (`affectd models`), or the path of an .onnx file."""
    stride_ms: float = 0.0
    """Between two windows while somebody speaks; 0: as the model's scores were measured. Whole frames of the model."""

    def __post_init__(self) -> None:
        want(0.0 <= self.stride_ms <= 10000.0, "stride_ms", self.stride_ms, "0 to 10000")
