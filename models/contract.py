"""What a model file promises. It lives in the ONNX file's metadata, the only home of signal parameters at run time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping

from dsp.errors import ParamError
from dsp.params import FrontEndParams
from models.errors import ContractMismatch

METADATA_KEY = "affectd.contract"
CONTRACT_VERSION = 1

LABELS = ("anger", "boredom", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""EmotionML's big six, neutral, calm and boredom: every label that a model may have."""

WINDOWS, STREAM = "windows", "stream"
FORMS = (WINDOWS, STREAM)
"""How a model is asked: of windows, each by itself, or with the new frames of an utterance, of all of it so far."""

STEP_FRAMES = 4
"""A stream model takes frames by so many; what makes no whole step waits."""

UNJUSTIFIED_CONFIDENCE = 0.35
"""What a model asks for that was not calibrated: a guess."""

UNCERTAIN = "uncertain"
"""What is said when no label is likely enough. Never a model's own label."""


@dataclass(frozen=True)
class Contract:
    """The promises of one model file."""

    name: str
    labels: tuple[str, ...]
    front_end: FrontEndParams
    window_frames: int
    """0 in a stream's: it has no window."""
    stride_frames: int
    """Frames between two answers on one utterance, for windows as in the scores; the service may ask for another."""
    licence: str
    trained_on: tuple[str, ...]
    temperature: float = 1.0
    """The logits are divided by it before the softmax (Guo et al., 2017)."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Scores in per cent by protocol, `speaker_independent_uar` and the like."""
    form: str = WINDOWS
    """One of `FORMS`."""
    min_confidence: float = UNJUSTIFIED_CONFIDENCE
    """Below it an answer is worth nothing: `uncertain`, unless the settings say otherwise."""

    def __post_init__(self) -> None:
        unknown = [label for label in self.labels if label not in LABELS]
        if unknown or len(set(self.labels)) != len(self.labels) or len(self.labels) < 2:
            raise ContractMismatch(
                f"model {self.name!r} has the labels {', '.join(self.labels)}: "
                f"want at least two different ones of {', '.join(LABELS)}"
            )
        if self.form not in FORMS:
            raise ContractMismatch(f"model {self.name!r} has the form {self.form!r}: want {' or '.join(FORMS)}")
        lengths = f"model {self.name!r} has a window of {self.window_frames} and a stride of {self.stride_frames} frames"
        if self.form == WINDOWS and (self.window_frames < 1 or self.stride_frames < 1):
            raise ContractMismatch(f"{lengths}: want at least 1")
        if self.form == STREAM and (self.window_frames != 0 or self.stride_frames < 1 or self.stride_frames % STEP_FRAMES):
            raise ContractMismatch(f"{lengths}: a stream wants no window, 0, and a multiple of {STEP_FRAMES}")
        if not self.temperature > 0.0:
            raise ContractMismatch(f"model {self.name!r} has the temperature {self.temperature}: want a value above zero")
        if not 0.0 <= self.min_confidence < 1.0:
            raise ContractMismatch(f"model {self.name!r} has the min_confidence {self.min_confidence}: want 0 to below 1")

    @property
    def window_shape(self) -> tuple[int, int]:
        """(window_frames, n_features)"""
        return self.window_frames, self.front_end.n_features

    def to_json(self) -> str:
        """The metadata text, the same for equal contracts."""
        values: dict[str, Any] = {
            "version": CONTRACT_VERSION,
            "name": self.name,
            "labels": list(self.labels),
            "front_end": self.front_end.as_dict(),
            "window_frames": self.window_frames,
            "stride_frames": self.stride_frames,
            "licence": self.licence,
            "trained_on": list(self.trained_on),
            "temperature": self.temperature,
            "scores": dict(self.scores),
        }
        if self.form != WINDOWS:
            # the text of a model of windows is as it was before there were other forms, and so is its file's sha256
            values["form"] = self.form
        if self.min_confidence != UNJUSTIFIED_CONFIDENCE:
            values["min_confidence"] = self.min_confidence
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, where: str) -> Contract:
        """Read the metadata of the file `where`. Raises ContractMismatch naming the file and the field."""
        try:
            values = json.loads(text)
            version = values["version"]
            if version == CONTRACT_VERSION:
                return cls._from_values(values)
        except ContractMismatch as trouble:
            raise ContractMismatch(f"{where}: {trouble}") from trouble
        except KeyError as missing:
            raise ContractMismatch(f"{where}: its contract lacks {missing}: export the model again") from missing
        except (ValueError, TypeError, AttributeError, ParamError) as trouble:
            raise ContractMismatch(f"{where}: its contract cannot be read ({trouble}): export the model again") from trouble
        raise ContractMismatch(
            f"{where} has a contract of version {version}, this affectd reads {CONTRACT_VERSION}: export the model again"
        )

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Contract:
        return cls(
            name=str(values["name"]),
            labels=tuple(str(label) for label in values["labels"]),
            front_end=FrontEndParams.from_dict(values["front_end"]),
            window_frames=int(values["window_frames"]),
            stride_frames=int(values["stride_frames"]),
            licence=str(values["licence"]),
            trained_on=tuple(str(corpus) for corpus in values["trained_on"]),
            temperature=float(values["temperature"]),
            scores={str(name): float(score) for name, score in values["scores"].items()},
            form=str(values.get("form", WINDOWS)),
            min_confidence=float(values.get("min_confidence", UNJUSTIFIED_CONFIDENCE)),
        )
