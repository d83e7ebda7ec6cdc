"""What can be seen of a recording: waveform, mel spectrogram, MFCC, pitch and energy, no wider than a screen."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from daemon.dashboard.sound import Floats, Sound, measure
from dsp.contour import pitch_contour
from dsp.mel import mel_from_hz
from dsp.params import INTENSITY, LOG_MEL, MFCC, FrontEndParams

WIDEST = 900
"""Columns of a picture."""
PARAMS = FrontEndParams(
    frame_ms=32.0,
    hop_ms=8.0,
    pre_emphasis=0.0,
    taper="hann",
    n_mels=64,
    f_min_hz=0.0,
    f_max_hz=8000.0,
    mel_scale="slaney",
    kinds=(LOG_MEL, MFCC, INTENSITY),
)
RANGE_DB = 80.0
"""What is so much fainter than the loudest is black."""
DB = 10.0 / math.log(10.0)
MARKS_HZ = (500, 1000, 2000, 4000, 8000)
"""Frequencies that are named beside the mel spectrogram."""
VOICED = 0.5
"""Share of a column's frames that must be voiced for it to have a pitch."""
WIDEST_DEVIATION = 3.0


def curves(path: Path, duration_s: float, on_heard: Callable[[float], None]) -> dict[str, Any]:
    """Everything over time, as JSON takes it; pictures are bytes in base64, lowest row first. Raises RecordingError."""
    peak_samples = max(1, math.ceil(duration_s * PARAMS.sample_rate_hz / WIDEST))
    sound = measure(path, PARAMS, peak_samples, lambda upto_s: on_heard(upto_s / 2))
    n_together = max(1, math.ceil(len(sound.frames) / WIDEST))
    mel_db = _together(sound.frames[:, PARAMS.columns(LOG_MEL)], n_together) * DB
    mfcc = _together(sound.frames[:, PARAMS.columns(MFCC)], n_together)
    return {
        "duration_s": len(sound.samples) / PARAMS.sample_rate_hz,
        "wave": {
            "step_s": peak_samples / PARAMS.sample_rate_hz,
            "low": _plain(sound.peaks[:, 0]),
            "high": _plain(sound.peaks[:, 1]),
        },
        "step_s": n_together * PARAMS.hop_ms / 1000.0,
        "first_s": PARAMS.frame_ms / 2000.0,
        "mel": {**_picture(_loud(mel_db)), "marks": _marks(), "range_db": RANGE_DB},
        "mfcc": _picture(_even(mfcc)),
        "pitch_hz": _pitch(_contour_hz(sound, lambda upto_s: on_heard((duration_s + upto_s) / 2)), n_together),
        "energy_db": _plain(_together(sound.frames[:, PARAMS.columns(INTENSITY)], n_together)[:, 0], 1),
    }


def _marks() -> list[list[float]]:
    """Each with the share of the picture's height at which it is."""
    heights = mel_from_hz(np.array([0.0, *MARKS_HZ], np.float64), PARAMS.mel_scale)
    return [[hz, round(float(height / heights[-1]), 4)] for hz, height in zip(MARKS_HZ, heights[1:])]


def _together(frames: Floats, n_together: int) -> Floats:
    """Means of so many frames each, the last of what is left: (n, k) -> (n / n_together, k)."""
    if not len(frames):
        return frames
    starts = np.arange(0, len(frames), n_together)
    counts = np.diff(np.append(starts, len(frames)))
    return np.asarray(np.add.reduceat(frames, starts, axis=0) / counts[:, None], np.float32)


def _contour_hz(sound: Sound, on_done: Callable[[float], None]) -> Floats:
    """The pitch at the middle of each frame: (n_frames, 1), 0 where unvoiced."""
    contour = pitch_contour(sound.samples, PARAMS, on_done)
    middles = np.arange(len(sound.frames)) * PARAMS.hop_samples + (PARAMS.frame_samples - 1) / 2
    nearest = np.rint((middles - contour.first) / PARAMS.hop_samples).astype(int)
    within = (nearest >= 0) & (nearest < len(contour.hz))
    hz = np.zeros((len(sound.frames), 1), np.float32)
    hz[within, 0] = contour.hz[nearest[within]]
    return hz


def _pitch(hz: Floats, n_together: int) -> list[float | None]:
    """Mean of the voiced frames, nothing where too few are."""
    if not len(hz):
        return []
    voiced = _together((hz > 0.0).astype(np.float32), n_together)[:, 0]
    mean = _together(hz, n_together)[:, 0] / np.maximum(voiced, 1e-6)
    return [round(float(one), 1) if share >= VOICED else None for one, share in zip(mean, voiced)]


def _loud(db: Floats) -> Floats:
    """0 to 1, the loudest 1."""
    return np.asarray(np.clip(1.0 + (db - db.max(initial=-200.0)) / RANGE_DB, 0.0, 1.0))


def _even(rows: Floats) -> Floats:
    """Each coefficient by its own mean and deviation, 0 to 1: the first would outshine all others."""
    if not len(rows):
        return rows
    deviation = np.maximum(rows.std(axis=0), 1e-6)
    return np.asarray(np.clip(0.5 + (rows - rows.mean(axis=0)) / deviation / (2 * WIDEST_DEVIATION), 0.0, 1.0))


def _picture(shares: Floats) -> dict[str, Any]:
    levels: NDArray[np.uint8] = np.rint(shares.T * 255.0).astype(np.uint8)
    return {"rows": levels.shape[0], "columns": levels.shape[1], "levels": base64.b64encode(levels.tobytes()).decode()}


def _plain(values: Floats, digits: int = 4) -> list[float]:
    return [round(float(one), digits) for one in values]
