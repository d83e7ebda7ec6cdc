"""The front end's parameters: one frozen home that cannot hold nonsense."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Mapping

from dsp.errors import ParamError

SPECTROGRAM = "spectrogram"
LOG_MEL = "log_mel"
MFCC = "mfcc"
KINDS = (SPECTROGRAM, LOG_MEL, MFCC)


def whole_samples(duration_ms: float, sample_rate_hz: int) -> int:
    """`duration_ms` in samples; ParamError when that is not a whole number above zero."""
    exact = duration_ms * sample_rate_hz / 1000.0
    samples = round(exact)
    if samples < 1 or abs(exact - samples) > 1e-6:
        raise ParamError(f"{duration_ms} ms at {sample_rate_hz} Hz is {exact:g} samples: give a whole number above zero")
    return samples


@dataclass(frozen=True)
class FrontEndParams:
    """What turns samples into feature frames.

    The defaults are the front end of paper 1 (CL, H. Wang): pre-emphasis 1 - 0.97 z^-1, a shift of half a
    frame, Hamming taper. The paper leaves the frame's length open; 32 ms makes a window of 128 frames last 2 s.
    """

    sample_rate_hz: int = 16000
    frame_ms: float = 32.0
    hop_ms: float = 16.0
    pre_emphasis: float = 0.97
    n_bands: int = 128
    """Bands of the spectrogram, equally wide, from just above 0 Hz to half the sample rate."""
    n_mels: int = 40
    f_min_hz: float = 20.0
    f_max_hz: float = 8000.0
    n_mfcc: int = 13
    log_floor: float = 1e-8
    """Added to a power before its logarithm: about the power of 16-bit rounding in one band."""
    kinds: tuple[str, ...] = (SPECTROGRAM, MFCC)
    """What a feature frame holds, in this order."""

    def __post_init__(self) -> None:
        if self.sample_rate_hz < 1:
            raise ParamError(f"sample_rate_hz is {self.sample_rate_hz}: want a rate above zero")
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise ParamError(f"pre_emphasis is {self.pre_emphasis}: want 0 <= value < 1")
        if not 1 <= self.hop_samples <= self.frame_samples:
            raise ParamError(f"hop_ms is {self.hop_ms}: want at most the frame, {self.frame_ms} ms")
        if not self.log_floor > 0.0:
            raise ParamError(f"log_floor is {self.log_floor}: want a value above zero")
        if not self.kinds or len(set(self.kinds)) != len(self.kinds) or not set(self.kinds) <= set(KINDS):
            raise ParamError(f"kinds is {list(self.kinds)}: want each at most once, from {', '.join(KINDS)}")
        if not 0.0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ParamError(
                f"mel range is {self.f_min_hz:g}..{self.f_max_hz:g} Hz: want 0 <= f_min < f_max <= {self.sample_rate_hz / 2:g}"
            )
        if not 1 <= self.n_mfcc <= self.n_mels:
            raise ParamError(f"n_mfcc is {self.n_mfcc}: want 1 to n_mels, {self.n_mels}")
        if self.n_bands < 1 or (self.n_fft // 2) % self.n_bands:
            raise ParamError(f"n_bands is {self.n_bands}: want a divisor of {self.n_fft // 2}, the FFT bins above 0 Hz")

    # kept once computed: the loop asks for them with every block

    @cached_property
    def frame_samples(self) -> int:
        """Samples of one frame."""
        return whole_samples(self.frame_ms, self.sample_rate_hz)

    @cached_property
    def hop_samples(self) -> int:
        """Samples between the starts of two frames."""
        return whole_samples(self.hop_ms, self.sample_rate_hz)

    @cached_property
    def n_fft(self) -> int:
        """The frame's length, rounded up to a power of two (at least 8)."""
        return max(8, 1 << (self.frame_samples - 1).bit_length())

    def width(self, kind: str) -> int:
        """Columns that one kind of feature takes in a frame."""
        return {SPECTROGRAM: self.n_bands, LOG_MEL: self.n_mels, MFCC: self.n_mfcc}[kind]

    @cached_property
    def n_features(self) -> int:
        """Columns of a frame."""
        return sum(self.width(kind) for kind in self.kinds)

    def columns(self, kind: str) -> slice:
        """Where one kind of feature stands in a frame; ParamError when these parameters do not make it."""
        if kind not in self.kinds:
            raise ParamError(f"this front end makes {', '.join(self.kinds)}, not {kind}")
        start = sum(self.width(earlier) for earlier in self.kinds[: self.kinds.index(kind)])
        return slice(start, start + self.width(kind))

    def as_dict(self) -> dict[str, Any]:
        """All parameters, ready for JSON."""
        return {**asdict(self), "kinds": list(self.kinds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FrontEndParams:
        """The reverse of `as_dict`; ParamError for a name or a value that does not belong there."""
        known = {field.name: field.default for field in fields(cls)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ParamError(f"unknown front-end parameter {name!r}: known are {', '.join(known)}")
            checked[name] = _like(name, value, known[name])
        return cls(**checked)


def _like(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple) and isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    if isinstance(default, int) and isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ParamError(f"front-end parameter {name} is {value!r}: want a value like {default!r}")
