"""What can be measured of one recording as a whole, by librosa and Praat: the acoustic features of paper 4.

They are for training and for looking at, never for live sound. With the paper's rate and hop, librosa's tempo comes out
to the last digit as in the rows it prints. By their amplitudes and durations these rows are of recordings that were
neither peak-normalised nor trimmed, whatever the text says: both are options here. Praat is under the GPL: its binding is
imported here alone, and nothing that runs in the vehicle imports this file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import librosa
import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call

from models.lab.errors import LabError

SAMPLE_RATE_HZ = 48000
"""What everything is measured at; recordings at another rate are resampled."""
FRAME_SAMPLES = 2048
HOP_SAMPLES = 512
N_MFCC = 13
PITCH_FLOOR_HZ = 50.0
PITCH_CEILING_HZ = 500.0
LEVEL_FLOOR = 1e-6
"""Added to an RMS before its logarithm: digital silence is -120 dB. The paper does not give its own."""
LOUDEST = 1e6
"""A sample beyond it is no sound; it keeps every square finite."""

PERIODS = (0.0001, 0.02, 1.3)
"""Praat's own bounds on what counts for jitter and shimmer: shortest and longest period in s, and the largest ratio of a
period to the next."""
LARGEST_AMPLITUDE_RATIO = 1.6


@dataclass(frozen=True)
class Acoustics:
    """Finite numbers all. Amplitudes are in full scales, after any peak-normalisation, dB below full scale."""

    duration_s: float
    """After trimming."""
    sample_rate_hz: float
    """SAMPLE_RATE_HZ, always: the paper's table has this column."""
    mean_amplitude: float
    """Of the absolute samples."""
    peak_amplitude: float
    rms_mean: float
    rms_std: float
    intensity_mean_db: float
    """Mean over the frames of 20 log10(rms + LEVEL_FLOOR)."""
    tempo_bpm: float
    """Of the onsets, by librosa; 0 where nothing begins."""
    zcr_mean: float
    """Changes of sign as a share of a frame's samples."""
    zcr_std: float
    pitch_mean_hz: float
    """Of the voiced frames, as the next three; 0 where there are none. Praat's pitch by autocorrelation."""
    pitch_median_hz: float
    pitch_std_hz: float
    pitch_variation_percent: float
    """Deviation over mean."""
    voiced_ratio: float
    """Voiced frames over all; 0 too where the recording is too short for a pitch, three periods of PITCH_FLOOR_HZ."""
    jitter: float
    """Praat's jitter (local): mean change from one period to the next, over the mean period; 0 where there are too few."""
    shimmer: float
    """The same of the periods' amplitudes: shimmer (local)."""
    mfcc_mean: tuple[float, ...]
    """librosa's: of the mel spectrum in dB, coefficient 0 first."""
    mfcc_std: tuple[float, ...]
    centroid_mean_hz: float
    rolloff_mean_hz: float
    """Below which 85 % of a frame's magnitude lies."""
    flux_mean_db: float
    """Rise of the mel spectrum from one frame to the next, falls counted as 0: what librosa calls the onset strength."""

    def row(self) -> NDArray[np.float64]:
        """(len(COLUMNS),), in the order of COLUMNS."""
        mfcc = [value for pair in zip(self.mfcc_mean, self.mfcc_std) for value in pair]
        after = (self.centroid_mean_hz, self.rolloff_mean_hz, self.flux_mean_db)
        return np.array([*(getattr(self, name) for name in _SCALARS), *mfcc, *after])


_SCALARS = tuple(field.name for field in fields(Acoustics))[:17]
RESULT_COLUMNS = (*_SCALARS, *(f"mfcc_mean_{index}" for index in range(N_MFCC)))
"""The 30 that the dense network of the paper's results takes."""
TABLE_COLUMNS = (*_SCALARS, *(f"mfcc_{part}_{index}" for index in range(N_MFCC) for part in ("mean", "std")))
"""The paper's table in its order: 43 of its 45 columns, the other two being the path and the emotion."""
COLUMNS = (*TABLE_COLUMNS, "centroid_mean_hz", "rolloff_mean_hz", "flux_mean_db")
"""With the three spectral ones, which are in the paper's pseudocode and not in its table."""


def acoustics(
    samples: NDArray[np.float32], sample_rate_hz: int, *, peak_normalised: bool = True, trim_db: float | None = None
) -> Acoustics:
    """Measure (n,) float32, full scale 1.0.

    `peak_normalised` scales the peak to 1 first; `trim_db`, 40 in the paper, cuts off both ends as far as they are so
    much quieter than the loudest frame. Digital silence is all 0 but for its duration, rate, intensity and MFCC 0. Raises
    LabError for another shape or dtype, for samples that are not finite, and for less than a frame (43 ms).
    """
    if trim_db is not None and not trim_db > 0.0:
        raise LabError(f"acoustics: trim_db is {trim_db}: want a value above zero, or None to keep all")
    at_rate = _at_rate(_checked(samples, sample_rate_hz), sample_rate_hz)
    peak = np.abs(at_rate).max()
    if peak_normalised and peak > 0.0:
        at_rate = at_rate / peak
    if trim_db is not None:
        at_rate = _trimmed(at_rate, trim_db)
    rms = librosa.feature.rms(y=at_rate, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES)[0].astype(np.float64)
    zcr = librosa.feature.zero_crossing_rate(at_rate, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES)[0]
    return Acoustics(
        duration_s=len(at_rate) / SAMPLE_RATE_HZ,
        sample_rate_hz=float(SAMPLE_RATE_HZ),
        mean_amplitude=float(np.abs(at_rate).mean(dtype=np.float64)),
        peak_amplitude=float(np.abs(at_rate).max()),
        rms_mean=float(rms.mean()),
        rms_std=float(rms.std()),
        intensity_mean_db=float(20.0 * np.log10(rms + LEVEL_FLOOR).mean()),
        zcr_mean=float(zcr.mean()),
        zcr_std=float(zcr.std()),
        **_voice(at_rate),
        **_spectrum(at_rate),
    )


def _checked(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise LabError(f"acoustics: want mono, (n,) float32, got {samples.shape} {samples.dtype}")
    if sample_rate_hz < 1:
        raise LabError(f"acoustics: sample_rate_hz is {sample_rate_hz}: want a rate above zero")
    within = np.abs(samples) <= LOUDEST
    if not within.all():
        at = int(np.argmin(within))
        raise LabError(f"acoustics: sample {at} is {samples[at]}: want finite samples, full scale 1.0")
    if len(samples) * SAMPLE_RATE_HZ < FRAME_SAMPLES * sample_rate_hz:
        least_ms = 1000 * FRAME_SAMPLES / SAMPLE_RATE_HZ
        raise LabError(f"acoustics: {len(samples)} samples at {sample_rate_hz} Hz: want {least_ms:.1f} ms at least")
    return samples


def _at_rate(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    if sample_rate_hz == SAMPLE_RATE_HZ:
        return samples
    return np.asarray(librosa.resample(samples, orig_sr=sample_rate_hz, target_sr=SAMPLE_RATE_HZ), np.float32)


def _trimmed(samples: NDArray[np.float32], trim_db: float) -> NDArray[np.float32]:
    """Without the quiet ends; a frame at least is kept, and all of a silent recording."""
    _, (start, end) = librosa.effects.trim(samples, top_db=trim_db, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES)
    start = min(int(start), len(samples) - FRAME_SAMPLES)
    return samples[start : max(int(end), start + FRAME_SAMPLES)]


def _voice(samples: NDArray[np.float32]) -> dict[str, Any]:
    """Pitch, jitter and shimmer by Praat, which refuses less than three periods of the floor."""
    pitch_hz = np.zeros(1)
    jitter = shimmer = 0.0
    if samples.any() and len(samples) * PITCH_FLOOR_HZ > 3 * SAMPLE_RATE_HZ:
        sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE_HZ)
        pitch = sound.to_pitch(HOP_SAMPLES / SAMPLE_RATE_HZ, PITCH_FLOOR_HZ, PITCH_CEILING_HZ)
        pulses = call([sound, pitch], "To PointProcess (cc)")
        pitch_hz = pitch.selected_array["frequency"]
        # Praat says NaN where there are too few periods
        jitter = np.nan_to_num(call(pulses, "Get jitter (local)", 0.0, 0.0, *PERIODS))
        shimmer = np.nan_to_num(call([sound, pulses], "Get shimmer (local)", 0.0, 0.0, *PERIODS, LARGEST_AMPLITUDE_RATIO))
    voiced_hz = pitch_hz[pitch_hz > 0.0] if pitch_hz.any() else np.zeros(1)
    mean_hz, std_hz = float(voiced_hz.mean()), float(voiced_hz.std())
    return {
        "pitch_mean_hz": mean_hz,
        "pitch_median_hz": float(np.median(voiced_hz)),
        "pitch_std_hz": std_hz,
        "pitch_variation_percent": 100.0 * std_hz / mean_hz if mean_hz else 0.0,
        "voiced_ratio": float((pitch_hz > 0.0).mean()),
        "jitter": float(jitter),
        "shimmer": float(shimmer),
    }


def _spectrum(samples: NDArray[np.float32]) -> dict[str, Any]:
    """Tempo, MFCC and the shape of the spectrum by librosa."""
    magnitude = np.abs(librosa.stft(samples, n_fft=FRAME_SAMPLES, hop_length=HOP_SAMPLES))
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(S=np.square(magnitude), sr=SAMPLE_RATE_HZ))
    onsets_db = librosa.onset.onset_strength(S=mel_db, sr=SAMPLE_RATE_HZ, n_fft=FRAME_SAMPLES, hop_length=HOP_SAMPLES)
    tempo_bpm = librosa.feature.tempo(onset_envelope=onsets_db, sr=SAMPLE_RATE_HZ, hop_length=HOP_SAMPLES)[0]
    mfcc = librosa.feature.mfcc(S=mel_db, n_mfcc=N_MFCC).astype(np.float64)
    return {
        "tempo_bpm": float(tempo_bpm) if onsets_db.any() else 0.0,
        "mfcc_mean": tuple(map(float, mfcc.mean(axis=1))),
        "mfcc_std": tuple(map(float, mfcc.std(axis=1))),
        "centroid_mean_hz": float(librosa.feature.spectral_centroid(S=magnitude, sr=SAMPLE_RATE_HZ).mean()),
        "rolloff_mean_hz": float(librosa.feature.spectral_rolloff(S=magnitude, sr=SAMPLE_RATE_HZ).mean()),
        "flux_mean_db": float(onsets_db.mean()),
    }
