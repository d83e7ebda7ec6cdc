"""Functionals of an utterance in plain NumPy, everything at once, from the definitions; and frames to try them on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsp.params import CENTROID, FLUX, INTENSITY, LOG_MEL, MFCC, PITCH, RMS, ROLLOFF, SAMPLES, ZCR, FrontEndParams
from dsp.running_functionals import KINDS_WANTED

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

PARAMS = FrontEndParams(
    pre_emphasis=0.0, taper="hann", n_mels=64, n_mfcc=20, f_min_hz=50.0, f_max_hz=7800.0, kinds=(*KINDS_WANTED, ZCR)
)
SMALL = FrontEndParams(n_mels=16, n_mfcc=2, kinds=(PITCH, RMS, ROLLOFF, MFCC, FLUX, CENTROID, LOG_MEL, INTENSITY))
WIDE = replace(PARAMS, n_mels=80, n_mfcc=13, hop_ms=10.0, kinds=(SAMPLES, *reversed(KINDS_WANTED)))


def invented(params: FrontEndParams, n_frames: int, seed: int, offset: float = 0.0, voiced_share: float = 0.6) -> F32:
    """Frames that walk about at random, voiced and unvoiced in turn."""
    rng = np.random.default_rng(seed)
    frames = offset + rng.standard_normal((n_frames, params.n_features)) + 0.2 * rng.standard_normal(n_frames).cumsum()[:, None]
    pitch = params.columns(PITCH).start
    frames[:, pitch] = 150.0 * 2.0 ** (0.3 * rng.standard_normal(n_frames))
    frames[rng.random(n_frames) > voiced_share, pitch] = 0.0
    frames[:, pitch + 1] = rng.random(n_frames)
    return frames.astype(np.float32)


def plain_contours(frames: F32, params: FrontEndParams) -> dict[str, F64]:
    values = frames.astype(np.float64)
    log_mel, mfcc = values[:, params.columns(LOG_MEL)], values[:, params.columns(MFCC)]
    level = log_mel.mean(axis=1)
    bands = np.stack([group.mean(axis=1) for group in np.split(log_mel, 16, axis=1)], axis=1) - level[:, None]
    n_mels = params.n_mels
    energy = np.exp(log_mel - log_mel.max(axis=1, keepdims=True))
    place = np.linspace(0.0, 1.0, n_mels)
    weights = energy / energy.sum(axis=1, keepdims=True)
    centre = weights @ place
    mid, high = slice(n_mels * 15 // 100, n_mels * 55 // 100), slice(n_mels * 55 // 100, None)
    return {
        **{f"mfcc_{k}": mfcc[:, k] for k in range(params.n_mfcc)},
        **{f"band_{k}": bands[:, k] for k in range(16)},
        "centroid_khz": values[:, params.columns(CENTROID).start] / 1000.0,
        "spread": np.sqrt((weights * np.square(place - centre[:, None])).sum(axis=1)),
        "rolloff_khz": values[:, params.columns(ROLLOFF).start] / 1000.0,
        "flux": values[:, params.columns(FLUX).start],
        "tilt": np.polyfit(place, log_mel.T, 1)[0],
        "high_to_mid": np.log(energy[:, high].sum(axis=1) / energy[:, mid].sum(axis=1)),
        "intensity_db": values[:, params.columns(INTENSITY).start],
        "voicing": values[:, params.columns(PITCH).start + 1],
    }


def plain_skewness(values: F64, floor: float) -> float:
    return float(((values - values.mean()) ** 3).mean() / max(values.std(), floor) ** 3)


def plain_slope(values: F64, at_frames: NDArray[np.intp], hop_s: float) -> float:
    time = (at_frames - at_frames.mean()) * hop_s
    return float(time @ (values - values.mean()) / (time @ time)) if len(values) > 1 else 0.0


def mean_or(values: F64, otherwise: float) -> float:
    return float(values.mean()) if len(values) else otherwise


def plain_pitch(pitch_hz: F64, hop_s: float) -> dict[str, float]:
    at = np.flatnonzero(pitch_hz > 0.0)
    semitones = 12.0 * np.log2(pitch_hz[at] / 100.0)
    changes = np.diff(semitones)[np.diff(at) == 1]
    changes = changes[np.abs(changes) < 6.0]
    if len(at) < 3:
        return dict.fromkeys(("mean", "deviation", "slope", "mean_abs_change", "rises", "mean_change", "skewness"), 0.0)
    return {
        "mean": float(semitones.mean()),
        "deviation": float(semitones.std()),
        "slope": plain_slope(semitones, at, hop_s),
        "mean_abs_change": mean_or(np.abs(changes), 0.0),
        "rises": mean_or((changes > 0.0).astype(np.float64), 0.5),
        "mean_change": mean_or(changes, 0.0) / hop_s,
        "skewness": plain_skewness(semitones, 1e-3),
    }


def plain_timing(voiced: NDArray[np.bool_], hop_s: float) -> dict[str, float]:
    ends = [*(np.flatnonzero(np.diff(voiced)) + 1), len(voiced)]
    stretches = [(bool(voiced[end - 1]), (end - start) * hop_s) for start, end in zip([0, *ends], ends)]
    with_voice, without = (np.array([length for kind, length in stretches if kind is wanted]) for wanted in (True, False))
    return {
        "log_duration": float(np.log(len(voiced) * hop_s)),
        "voiced_share": float(voiced.mean()),
        "voiced_stretches": len(with_voice) / (len(voiced) * hop_s),
        "voiced_stretch_mean": mean_or(with_voice, 0.0),
        "voiced_stretch_deviation": float(with_voice.std()) if len(with_voice) else 0.0,
        "unvoiced_stretch_mean": mean_or(without, 0.0),
        "unvoiced_stretch_longest": float(without.max(initial=0.0)),
    }


def plain(frames: F32, params: FrontEndParams) -> dict[str, float]:
    hop_s = params.hop_ms / 1000.0
    pitch_hz = frames[:, params.columns(PITCH).start].astype(np.float64)
    chosen = pitch_hz > 0.0 if (pitch_hz > 0.0).sum() >= 3 else np.ones(len(frames), bool)
    found: dict[str, float] = {}
    for contour, values in plain_contours(frames, params).items():
        is_level = contour in ("mfcc_0", "intensity_db")
        if not is_level:
            found[f"{contour}.mean"] = float(values.mean())
        found[f"{contour}.deviation"] = float(values.std())
        found[f"{contour}.slope"] = plain_slope(values, np.arange(len(values)), hop_s)
        found[f"{contour}.mean_abs_change"] = mean_or(np.abs(np.diff(values)), 0.0)
        found[f"{contour}.skewness"] = plain_skewness(values, 1e-4)
        found[f"{contour}.voiced_mean"] = float(values[chosen].mean() - (values.mean() if is_level else 0.0))
        found[f"{contour}.voiced_deviation"] = float(values[chosen].std())
    found.update((f"pitch.{name}", value) for name, value in plain_pitch(pitch_hz, hop_s).items())
    found.update((f"timing.{name}", value) for name, value in plain_timing(pitch_hz > 0.0, hop_s).items())
    return found
