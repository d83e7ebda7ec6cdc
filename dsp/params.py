"""The front end's parameters: one frozen home that cannot hold nonsense."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Mapping

from dsp.errors import ParamError

SAMPLES = "samples"
POWER = "power"
POWER_DB = "power_db"
SPECTROGRAM = "spectrogram"
LOG_MEL = "log_mel"
MFCC = "mfcc"
MFCC_DELTA = "mfcc_delta"
MFCC_DELTA2 = "mfcc_delta2"
ZCR = "zcr"
RMS = "rms"
INTENSITY = "intensity_db"
CENTROID = "centroid_hz"
ROLLOFF = "rolloff_hz"
FLUX = "flux"
PITCH = "pitch"

KINDS = {
    SAMPLES: "the frame's samples as they come",
    POWER: "power of each FFT bin, 0 Hz to half the sample rate",
    POWER_DB: "10 log10 of the same",
    SPECTROGRAM: "natural log of the power in `n_bands` equal bands",
    LOG_MEL: "natural log of the power in `n_mels` mel bands",
    MFCC: "orthonormal DCT-II of log_mel, the first `n_mfcc` terms",
    MFCC_DELTA: "slope of the MFCC over the last `delta_frames` frames",
    MFCC_DELTA2: "slope of mfcc_delta, taken the same way",
    ZCR: "changes of sign, as a share of the frame's samples",
    RMS: "root of the mean square, full scale 1.0",
    INTENSITY: "the same in dB below full scale",
    CENTROID: "mean frequency, weighed with the magnitude",
    ROLLOFF: "frequency below which `rolloff_share` of the magnitude lies",
    FLUX: "mean rise of log_mel since the frame before, falls counted as 0",
    PITCH: "two columns: fundamental frequency in Hz, 0 where unvoiced, and the strength of voicing, 0 to 1",
}
"""What a feature frame may hold. ZCR, RMS and intensity are of the samples as they come, the spectra of pre-emphasised,
tapered ones, the pitch of the 3 longest periods that end with the frame."""

MEL_KINDS = frozenset({LOG_MEL, MFCC, MFCC_DELTA, MFCC_DELTA2, FLUX})
SPECTRAL_KINDS = MEL_KINDS | {POWER, POWER_DB, SPECTROGRAM, CENTROID, ROLLOFF}
MFCC_KINDS = frozenset({MFCC, MFCC_DELTA, MFCC_DELTA2})

TAPERS = ("hamming", "hann")
MEL_SCALES = ("htk", "slaney")
MEL_NORMS = ("none", "slaney")
PERIODS_A_PITCH_WINDOW = 3
"""After Boersma (1993): the least that shows a period in an autocorrelation under a Hann taper."""


def whole_samples(duration_ms: float, sample_rate_hz: int) -> int:
    """`duration_ms` in samples; ParamError when that is not a whole number above zero."""
    exact = duration_ms * sample_rate_hz / 1000.0
    samples = round(exact) if math.isfinite(exact) else 0
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
    taper: str = "hamming"
    """hamming or hann, symmetric."""
    fft_samples: int = 0
    """Length of the FFT, a power of two that holds the frame; 0 takes the least such."""
    n_bands: int = 128
    """Bands of the spectrogram, equally wide, from just above 0 Hz to half the sample rate."""
    n_mels: int = 40
    f_min_hz: float = 20.0
    f_max_hz: float = 8000.0
    mel_scale: str = "htk"
    """htk: 2595 log10(1 + f / 700); slaney: linear below 1 kHz, logarithmic above."""
    mel_norm: str = "none"
    """none: every triangle is 1 high; slaney: every triangle has the area 1 (in Hz)."""
    n_mfcc: int = 13
    log_floor: float = 1e-8
    """Added to a power before its logarithm: about the power of 16-bit rounding in one band."""
    delta_frames: int = 9
    """Frames that a delta looks back on, an odd number: the newest and those before it."""
    rolloff_share: float = 0.85
    pitch_floor_hz: float = 50.0
    pitch_ceiling_hz: float = 500.0
    kinds: tuple[str, ...] = (SPECTROGRAM, MFCC)
    """What a feature frame holds, in this order; see `KINDS`."""

    def __post_init__(self) -> None:
        if self.sample_rate_hz < 1:
            raise ParamError(f"sample_rate_hz is {self.sample_rate_hz}: want a rate above zero")
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise ParamError(f"pre_emphasis is {self.pre_emphasis}: want 0 <= value < 1")
        if not 1 <= self.hop_samples <= self.frame_samples:
            raise ParamError(f"hop_ms is {self.hop_ms}: want at most the frame, {self.frame_ms} ms")
        if not 0.0 < self.log_floor < math.inf:
            raise ParamError(f"log_floor is {self.log_floor}: want a value above zero")
        if not self.kinds or len(set(self.kinds)) != len(self.kinds) or not set(self.kinds) <= set(KINDS):
            raise ParamError(f"kinds is {list(self.kinds)}: want each at most once, from {', '.join(KINDS)}")
        for name, known in (("taper", TAPERS), ("mel_scale", MEL_SCALES), ("mel_norm", MEL_NORMS)):
            if getattr(self, name) not in known:
                raise ParamError(f"{name} is {getattr(self, name)!r}: want one of {', '.join(known)}")
        if self.fft_samples and (self.fft_samples < self.frame_samples or self.fft_samples & (self.fft_samples - 1)):
            raise ParamError(f"fft_samples is {self.fft_samples}: want a power of two, at least {self.frame_samples}, or 0")
        self._check_kinds()

    def _check_kinds(self) -> None:
        # what no kind asks for is not looked at: a meter for the level needs no mel range
        wanted = set(self.kinds)
        half_rate_hz = self.sample_rate_hz / 2
        if wanted & MEL_KINDS and not 0.0 <= self.f_min_hz < self.f_max_hz <= half_rate_hz:
            raise ParamError(
                f"mel range is {self.f_min_hz:g}..{self.f_max_hz:g} Hz: want 0 <= f_min < f_max <= {half_rate_hz:g}"
            )
        if wanted & MEL_KINDS and self.n_mels < 1:
            raise ParamError(f"n_mels is {self.n_mels}: want at least 1")
        if wanted & MFCC_KINDS and not 1 <= self.n_mfcc <= self.n_mels:
            raise ParamError(f"n_mfcc is {self.n_mfcc}: want 1 to n_mels, {self.n_mels}")
        for kind, source in ((MFCC_DELTA, MFCC), (MFCC_DELTA2, MFCC_DELTA)):
            if kind in wanted and source not in wanted:
                raise ParamError(f"kinds has {kind} without {source}, which it is the slope of: name both")
        if MFCC_DELTA in wanted and (self.delta_frames < 3 or self.delta_frames % 2 == 0):
            raise ParamError(f"delta_frames is {self.delta_frames}: want an odd number, at least 3")
        if SPECTROGRAM in wanted and (self.n_bands < 1 or (self.n_fft // 2) % self.n_bands):
            raise ParamError(f"n_bands is {self.n_bands}: want a divisor of {self.n_fft // 2}, the FFT bins above 0 Hz")
        if ROLLOFF in wanted and not 0.0 < self.rolloff_share < 1.0:
            raise ParamError(f"rolloff_share is {self.rolloff_share}: want 0 < value < 1")
        if PITCH in wanted and not 10.0 <= self.pitch_floor_hz < self.pitch_ceiling_hz <= self.sample_rate_hz / 4:
            raise ParamError(
                f"pitch range is {self.pitch_floor_hz:g}..{self.pitch_ceiling_hz:g} Hz: "
                f"want 10 <= floor < ceiling <= {self.sample_rate_hz / 4:g}"
            )

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
        """The FFT's length: `fft_samples`, or the frame's length rounded up to a power of two (at least 8)."""
        return self.fft_samples or max(8, 1 << (self.frame_samples - 1).bit_length())

    @cached_property
    def pitch_window_samples(self) -> int:
        """What the pitch of one frame is taken from, up to the frame's last sample; a multiple of 8."""
        return 8 * math.ceil(PERIODS_A_PITCH_WINDOW * self.sample_rate_hz / self.pitch_floor_hz / 8)

    def width(self, kind: str) -> int:
        """Columns that one kind of feature takes in a frame."""
        n_bins = self.n_fft // 2 + 1
        wide = {
            SAMPLES: self.frame_samples,
            POWER: n_bins,
            POWER_DB: n_bins,
            SPECTROGRAM: self.n_bands,
            LOG_MEL: self.n_mels,
            PITCH: 2,
        }
        return wide.get(kind, self.n_mfcc if kind in MFCC_KINDS else 1)

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
    if isinstance(default, str) and isinstance(value, str):
        return value
    raise ParamError(f"front-end parameter {name} is {value!r}: want a value like {default!r}")
