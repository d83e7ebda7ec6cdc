"""The acoustic features of paper 4, by our own front end, with that paper's frames.

Jitter, shimmer and tempo are not among them: these are Praat's and librosa's, which never run in the vehicle
(`models/lab/acoustics.py` has them). Amplitudes are as they are: nothing is normalised or trimmed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.dashboard.sound import measure
from dsp.cepstrum import dct_matrix
from dsp.params import CENTROID, LOG_MEL, PITCH, RMS, ROLLOFF, ZCR, FrontEndParams

RATE_HZ, FRAME_SAMPLES, HOP_SAMPLES = 48000, 2048, 512
"""Paper 4's; recordings at another rate are resampled."""
PARAMS = FrontEndParams(
    sample_rate_hz=RATE_HZ,
    frame_ms=1000.0 * FRAME_SAMPLES / RATE_HZ,
    hop_ms=1000.0 * HOP_SAMPLES / RATE_HZ,
    pre_emphasis=0.0,
    taper="hann",
    n_mels=128,
    f_min_hz=0.0,
    f_max_hz=RATE_HZ / 2,
    mel_scale="slaney",
    mel_norm="slaney",
    log_floor=1e-10,
    n_mfcc=13,
    kinds=(RMS, ZCR, PITCH, LOG_MEL, CENTROID, ROLLOFF),
)
LEVEL_FLOOR = 1e-6
"""Added to an RMS before its logarithm: digital silence is -120 dB."""
DB = 10.0 / math.log(10.0)
RANGE_DB = 80.0
"""What is so much fainter than the loudest band of all counts as so faint, as librosa has it."""
PART_FRAMES = 4096

Values = NDArray[np.float32]


class Feature(NamedTuple):
    """One row of the table."""

    name: str
    """As paper 4's columns are called in `models/lab/acoustics.py`."""
    value: float
    unit: str
    about: str


def acoustics(path: Path, on_heard: Callable[[float], None]) -> list[Feature]:
    """All of them; fewer where the recording is shorter than a frame. Raises RecordingError."""
    sound = measure(path, PARAMS, RATE_HZ, on_heard)
    table = [
        Feature("duration_s", sound.n_samples / RATE_HZ, "s", "length"),
        Feature(
            "mean_amplitude", sound.absolute_sum / max(1, sound.n_samples), "of full scale", "mean of the samples without sign"
        ),
        Feature("peak_amplitude", sound.loudest, "of full scale", "largest sample"),
    ]
    if not len(sound.frames):
        return table
    of = {kind: sound.frames[:, PARAMS.columns(kind)] for kind in PARAMS.kinds}
    return [*table, *_levels(of[RMS][:, 0], of[ZCR][:, 0]), *_pitch(of[PITCH][:, 0]), *_spectrum(of)]


def _levels(rms: Values, zcr: Values) -> list[Feature]:
    intensity_db = 20.0 * np.log10(rms + LEVEL_FLOOR)
    return [
        Feature("rms_mean", float(rms.mean()), "of full scale", "loudness, mean over the frames"),
        Feature("rms_std", float(rms.std()), "of full scale", "and how much it varies"),
        Feature("intensity_mean_db", float(intensity_db.mean()), "dB", "loudness in decibels"),
        Feature("zcr_mean", float(zcr.mean()), "of the samples", "changes of sign: hiss is high, hum is low"),
        Feature("zcr_std", float(zcr.std()), "of the samples", "and how much that varies"),
    ]


def _pitch(hz: Values) -> list[Feature]:
    voiced = hz[hz > 0.0]
    some = voiced if len(voiced) else np.zeros(1)
    mean, deviation = float(some.mean()), float(some.std())
    return [
        Feature("pitch_mean_hz", mean, "Hz", "height of the voice, mean of the voiced frames"),
        Feature("pitch_median_hz", float(np.median(some)), "Hz", "median"),
        Feature("pitch_std_hz", deviation, "Hz", "and how much it varies"),
        Feature("pitch_variation_percent", 100.0 * deviation / mean if mean else 0.0, "%", "deviation over mean"),
        Feature("voiced_ratio", len(voiced) / len(hz), "of the frames", "frames in which a voice sounds"),
    ]


def _spectrum(of: dict[str, Values]) -> list[Feature]:
    mel_db = of[LOG_MEL]
    # an hour of it is large: in place
    mel_db *= np.float32(DB)
    np.maximum(mel_db, mel_db.max() - np.float32(RANGE_DB), out=mel_db)
    mfcc = mel_db @ dct_matrix(PARAMS.n_mfcc, PARAMS.n_mels).T
    cepstra = [
        Feature(f"mfcc_{part}_{index}", float(values[index]), "dB", f"shape of the spectrum, term {index}, {about}")
        for index in range(PARAMS.n_mfcc)
        for part, values, about in (("mean", mfcc.mean(axis=0), "mean"), ("std", mfcc.std(axis=0), "deviation"))
    ]
    return [
        *cepstra,
        Feature("centroid_mean_hz", float(of[CENTROID].mean()), "Hz", "mean frequency: bright is high"),
        Feature("rolloff_mean_hz", float(of[ROLLOFF].mean()), "Hz", "85 % of the spectrum lies below it"),
        Feature("flux_mean_db", _flux_db(mel_db), "dB", "how fast the spectrum rises"),
    ]


def _flux_db(mel_db: Values) -> float:
    """Mean rise from one frame to the next, falls counted as 0."""
    starts = range(0, len(mel_db) - 1, PART_FRAMES)
    rises = (np.maximum(np.diff(mel_db[start : start + PART_FRAMES + 1], axis=0), 0.0) for start in starts)
    return sum(float(rise.sum(dtype=np.float64)) for rise in rises) / max(1, (len(mel_db) - 1) * PARAMS.n_mels)
