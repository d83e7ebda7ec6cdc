"""The acoustic features of paper 4, by our own front end, with that paper's frames.

As librosa and Praat have them, which never run in the vehicle: `models/lab/acoustics.py` does, and
`tests/lab/test_dashboard_acoustics.py` holds the two together. Amplitudes are as they are: nothing is normalised or trimmed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.dashboard.sound import Sound, measure
from dsp.cepstrum import dct_matrix
from dsp.contour import pitch_contour
from dsp.params import CENTROID, LOG_MEL, RMS, ROLLOFF, ZCR, FrontEndParams
from dsp.perturbation import jitter, pulses, shimmer
from dsp.tempo import tempo

RATE_HZ, FRAME_SAMPLES, HOP_SAMPLES = 48000, 2048, 512
"""Paper 4's; recordings at another rate are resampled."""
MARGIN_SAMPLES = FRAME_SAMPLES // 2
"""Of silence around a recording: its frames lie as librosa's, around their places in it."""
FRAMES_TO_AN_ONSET = 1 + FRAME_SAMPLES // (2 * HOP_SAMPLES)
"""So much later librosa calls the rise from one frame to the next an onset."""
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
    kinds=(RMS, ZCR, LOG_MEL, CENTROID, ROLLOFF),
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
    """In the paper's order; `on_heard` is told how much of the recording's length is done, in s. Raises RecordingError."""
    sound = measure(path, PARAMS, RATE_HZ, lambda upto_s: on_heard(upto_s / 3), MARGIN_SAMPLES)
    of = {kind: sound.frames[:, PARAMS.columns(kind)] for kind in PARAMS.kinds}
    mel_db = _decibels(of[LOG_MEL])
    onsets_db = _onsets_db(mel_db)
    return [
        *_whole(sound),
        *_levels(of[RMS][:, 0]),
        Feature("tempo_bpm", tempo(onsets_db, RATE_HZ / HOP_SAMPLES), "beats a minute", "beat at which sounds begin, if any"),
        Feature("zcr_mean", float(of[ZCR].mean()), "of the samples", "changes of sign: hiss is high, hum is low"),
        Feature("zcr_std", float(of[ZCR].std()), "of the samples", "and how much that varies"),
        *_voice(sound, on_heard),
        *_cepstra(mel_db),
        Feature("centroid_mean_hz", float(of[CENTROID].mean()), "Hz", "mean frequency: bright is high"),
        Feature("rolloff_mean_hz", float(of[ROLLOFF].mean()), "Hz", "85 % of the spectrum lies below it"),
        Feature("flux_mean_db", float(onsets_db.mean()), "dB", "how fast the spectrum rises"),
    ]


def _whole(sound: Sound) -> list[Feature]:
    mean = sound.absolute_sum / max(1, len(sound.samples))
    return [
        Feature("duration_s", len(sound.samples) / RATE_HZ, "s", "length"),
        Feature("sample_rate_hz", RATE_HZ, "Hz", "at which all of this is measured, whatever the recording's own is"),
        Feature("mean_amplitude", mean, "of full scale", "mean of the samples without sign"),
        Feature("peak_amplitude", sound.loudest, "of full scale", "largest sample"),
    ]


def _levels(rms: Values) -> list[Feature]:
    intensity_db = 20.0 * np.log10(rms + LEVEL_FLOOR)
    return [
        Feature("rms_mean", float(rms.mean()), "of full scale", "loudness, mean over the frames"),
        Feature("rms_std", float(rms.std()), "of full scale", "and how much it varies"),
        Feature("intensity_mean_db", float(intensity_db.mean()), "dB", "loudness in decibels"),
    ]


def _voice(sound: Sound, on_heard: Callable[[float], None]) -> list[Feature]:
    duration_s = len(sound.samples) / RATE_HZ
    contour = pitch_contour(sound.samples, PARAMS, lambda upto_s: on_heard((duration_s + upto_s) / 3))
    periods = pulses(sound.samples, contour, lambda upto_s: on_heard((2 * duration_s + upto_s) / 3))
    on_heard(duration_s)
    voiced = contour.hz[contour.hz > 0.0]
    some = voiced if len(voiced) else np.zeros(1)
    mean, deviation = float(some.mean(dtype=np.float64)), float(some.std(dtype=np.float64))
    share, variation = len(voiced) / max(1, len(contour.hz)), 100.0 * deviation / mean if mean else 0.0
    unrest, unevenness = jitter(periods, RATE_HZ), shimmer(sound.samples, periods, RATE_HZ)
    return [
        Feature("pitch_mean_hz", mean, "Hz", "height of the voice, mean of the voiced frames"),
        Feature("pitch_median_hz", float(np.median(some)), "Hz", "median"),
        Feature("pitch_std_hz", deviation, "Hz", "and how much it varies"),
        Feature("pitch_variation_percent", variation, "%", "deviation over mean"),
        Feature("voiced_ratio", share, "of the frames", "frames in which a voice sounds"),
        Feature("jitter", unrest, "of a period", "change from one period of the voice to the next; 0 where no voice sounds"),
        Feature("shimmer", unevenness, "of the amplitude", "the same of how loud the periods are"),
    ]


def _decibels(log_mel: Values) -> Values:
    """In place: an hour of it is large."""
    log_mel *= np.float32(DB)
    return np.asarray(np.maximum(log_mel, log_mel.max() - np.float32(RANGE_DB), out=log_mel))


def _cepstra(mel_db: Values) -> list[Feature]:
    mfcc = mel_db @ dct_matrix(PARAMS.n_mfcc, PARAMS.n_mels).T
    return [
        Feature(f"mfcc_{part}_{index}", float(values[index]), "dB", f"shape of the spectrum, term {index}, {about}")
        for index in range(PARAMS.n_mfcc)
        for part, values, about in (("mean", mfcc.mean(axis=0), "mean"), ("std", mfcc.std(axis=0), "deviation"))
    ]


def _onsets_db(mel_db: Values) -> Values:
    """Mean rise of the bands from one frame to the next, falls counted as 0: (n_frames,)."""
    onsets = np.zeros(len(mel_db) + FRAMES_TO_AN_ONSET, np.float32)
    for start in range(0, len(mel_db) - 1, PART_FRAMES):
        rises = np.maximum(np.diff(mel_db[start : start + PART_FRAMES + 1], axis=0), 0.0).mean(axis=1)
        at = FRAMES_TO_AN_ONSET + start
        onsets[at : at + len(rises)] = rises
    return onsets[: len(mel_db)]
