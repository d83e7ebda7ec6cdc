"""Acoustic measurements of sounds whose measure is known, and of real speech beside Praat and the paper's own rows."""

from __future__ import annotations

from dataclasses import fields

import librosa
import numpy as np
import parselmouth
import pytest
import soundfile
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from models.lab.acoustics import (
    COLUMNS,
    FRAME_SAMPLES,
    LEVEL_FLOOR,
    RESULT_COLUMNS,
    SAMPLE_RATE_HZ,
    TABLE_COLUMNS,
    Acoustics,
    acoustics,
)
from models.lab.corpora import EMODB, corpora_root, find, read_pcm
from models.lab.errors import LabError

pytestmark = pytest.mark.filterwarnings("error")

needs_emodb = pytest.mark.skipif(
    not (corpora_root() / EMODB.folder).is_dir(), reason="EMO-DB is not at hand: set AFFECTD_CORPORA"
)
ACTOR_1 = corpora_root() / "RAVDESS" / "Actor_01"
needs_actor_1 = pytest.mark.skipif(not ACTOR_1.is_dir(), reason="RAVDESS is not at hand: set AFFECTD_CORPORA")

Samples = NDArray[np.float32]


def tone(hz: float, amplitude: float = 0.5, seconds: float = 1.0, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def noise(seconds: float = 1.0, amplitude: float = 0.1) -> Samples:
    n_samples = round(seconds * SAMPLE_RATE_HZ)
    return (amplitude * np.random.default_rng(0).standard_normal(n_samples)).astype(np.float32)


def pulses(hz: float, jitter: float, shimmer: float, seed: int = 0) -> tuple[Samples, float, float]:
    """2 s of smooth pulses, each at its own place between two samples; the jitter and the shimmer they really have."""
    rng = np.random.default_rng(seed)
    n_pulses = round(2.0 * hz)
    # two draws from -1..1 differ by 2/3 in the mean
    periods_s = (1.0 + 1.5 * jitter * rng.uniform(-1, 1, n_pulses)) / hz
    heights = 1.0 + 1.5 * shimmer * rng.uniform(-1, 1, n_pulses)
    out = np.zeros(round(2.3 * SAMPLE_RATE_HZ))
    for at_s, height in zip(0.05 + np.cumsum(periods_s), heights):
        near = round(at_s * SAMPLE_RATE_HZ) + np.arange(-240, 240)
        out[near] += height * np.exp(-0.5 * ((near / SAMPLE_RATE_HZ - at_s) / 0.0004) ** 2)
    return (0.3 * out).astype(np.float32), local(periods_s), local(heights)


def local(values: NDArray[np.float64]) -> float:
    """Mean change from one to the next, over the mean: the definition of jitter and shimmer (local)."""
    return float(np.abs(np.diff(values)).mean() / values.mean())


def clicks(bpm: float, seconds: float = 8.0) -> Samples:
    samples = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
    burst = noise(0.02, 0.5) * np.linspace(1, 0, round(0.02 * SAMPLE_RATE_HZ), dtype=np.float32)
    for at_s in np.arange(0.25, seconds - 0.1, 60.0 / bpm):
        start = round(at_s * SAMPLE_RATE_HZ)
        samples[start : start + len(burst)] = burst
    return samples


@pytest.mark.parametrize("hz", [60.0, 110.0, 220.0, 440.0])
def test_the_pitch_of_a_pulse_train(hz: float) -> None:
    measured = acoustics(pulses(hz, 0.0, 0.0)[0], SAMPLE_RATE_HZ)
    assert measured.pitch_mean_hz == pytest.approx(hz, rel=1e-3)
    assert measured.pitch_median_hz == pytest.approx(hz, rel=1e-3)
    assert measured.pitch_variation_percent < 0.5
    # silent at both ends: 0.3 of 2.3 s
    assert measured.voiced_ratio == pytest.approx(2.0 / 2.3, abs=0.1)


def test_a_gliding_pitch_has_the_deviation_of_the_glide() -> None:
    time = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * (100.0 * time + 25.0 * time**2)  # 100 to 200 Hz
    sawtooth = sum((np.sin(k * phase) / k for k in range(1, 12)), np.zeros(len(time)))
    measured = acoustics((0.2 * sawtooth).astype(np.float32), SAMPLE_RATE_HZ)
    assert measured.pitch_mean_hz == pytest.approx(150.0, rel=0.02)
    assert measured.pitch_std_hz == pytest.approx(100.0 / np.sqrt(12.0), rel=0.05)
    assert measured.pitch_variation_percent == pytest.approx(100.0 * measured.pitch_std_hz / measured.pitch_mean_hz)
    assert measured.voiced_ratio > 0.95


@pytest.mark.parametrize("hz", [90.0, 130.0, 220.0])
@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.01, 0.02])
def test_jitter_comes_back(hz: float, jitter: float) -> None:
    samples, true_jitter, _ = pulses(hz, jitter, 0.0)
    measured = acoustics(samples, SAMPLE_RATE_HZ)
    assert measured.jitter == pytest.approx(true_jitter, rel=0.2, abs=1e-4)
    assert measured.shimmer < 0.01


@pytest.mark.parametrize("hz", [90.0, 130.0, 220.0])
@pytest.mark.parametrize("shimmer", [0.0, 0.03, 0.08, 0.15])
def test_shimmer_comes_back(hz: float, shimmer: float) -> None:
    samples, _, true_shimmer = pulses(hz, 0.0, shimmer)
    measured = acoustics(samples, SAMPLE_RATE_HZ)
    assert measured.shimmer == pytest.approx(true_shimmer, rel=0.2, abs=1e-3)
    assert measured.jitter < 1e-3


@pytest.mark.parametrize("bpm", [70.0, 100.0, 125.0, 140.0])
def test_the_tempo_of_a_click_track(bpm: float) -> None:
    # whole numbers of hops a beat; librosa halves some fast tempos (150 becomes 75), which is no fault of the measurement
    assert acoustics(clicks(bpm), SAMPLE_RATE_HZ).tempo_bpm == pytest.approx(bpm, rel=0.03)


@pytest.mark.parametrize("amplitude", [0.5, 0.05])
def test_the_level_of_a_sine(amplitude: float) -> None:
    measured = acoustics(tone(200.0, amplitude, seconds=4.0), SAMPLE_RATE_HZ, peak_normalised=False)
    assert measured.peak_amplitude == pytest.approx(amplitude, rel=1e-3)
    assert measured.mean_amplitude == pytest.approx(amplitude * 2 / np.pi, rel=1e-3)
    # the frames at both ends are half empty
    assert measured.rms_mean == pytest.approx(amplitude / np.sqrt(2), rel=0.01)
    assert measured.intensity_mean_db == pytest.approx(20 * np.log10(amplitude / np.sqrt(2)), abs=0.1)
    # two changes of sign a period
    assert measured.zcr_mean == pytest.approx(2 * 200.0 / SAMPLE_RATE_HZ, rel=0.02)


def test_the_spectrum_of_a_sine_and_of_noise() -> None:
    sine, white = acoustics(tone(1000.0), SAMPLE_RATE_HZ), acoustics(noise(), SAMPLE_RATE_HZ)
    assert sine.centroid_mean_hz == pytest.approx(1000.0, rel=0.1)
    assert sine.rolloff_mean_hz == pytest.approx(1000.0, rel=0.1)
    assert white.centroid_mean_hz == pytest.approx(SAMPLE_RATE_HZ / 4, rel=0.05)
    assert white.rolloff_mean_hz == pytest.approx(0.85 * SAMPLE_RATE_HZ / 2, rel=0.05)
    assert white.zcr_mean == pytest.approx(0.5, rel=0.05)
    assert white.flux_mean_db > 10 * sine.flux_mean_db
    assert white.voiced_ratio == white.pitch_mean_hz == white.jitter == white.shimmer == 0.0


def test_peak_normalised_a_gain_changes_nothing() -> None:
    samples = pulses(130.0, 0.01, 0.05)[0]
    loud, faint = (acoustics(samples * np.float32(gain), SAMPLE_RATE_HZ) for gain in (1.0, 2.0**-9))
    assert loud.peak_amplitude == 1.0
    np.testing.assert_allclose(faint.row(), loud.row(), rtol=1e-4, atol=1e-5)


def test_another_rate_is_measured_as_the_same_sound() -> None:
    measured = acoustics(tone(200.0, seconds=2.0, rate_hz=16000), 16000, peak_normalised=False)
    assert measured.sample_rate_hz == SAMPLE_RATE_HZ
    assert measured.duration_s == pytest.approx(2.0)
    assert measured.pitch_mean_hz == pytest.approx(200.0, rel=1e-3)
    assert measured.rms_mean == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_trimming_takes_off_quiet_ends_and_keeps_pauses() -> None:
    gap = np.zeros(SAMPLE_RATE_HZ, np.float32)
    hiss = tone(3000.0, 0.001)  # 54 dB down
    samples = np.concatenate([gap, hiss, tone(200.0), gap, tone(200.0), hiss])
    assert acoustics(samples, SAMPLE_RATE_HZ).duration_s == 6.0
    assert acoustics(samples, SAMPLE_RATE_HZ, trim_db=40.0).duration_s == pytest.approx(3.0, abs=0.05)
    assert acoustics(samples, SAMPLE_RATE_HZ, trim_db=60.0).duration_s == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize("at", [0, 24000, 47999])
def test_a_click_trimmed_keeps_a_frame(at: int) -> None:
    samples = np.zeros(SAMPLE_RATE_HZ, np.float32)
    samples[at] = 1.0
    measured = acoustics(samples, SAMPLE_RATE_HZ, trim_db=40.0)
    assert measured.duration_s * SAMPLE_RATE_HZ >= FRAME_SAMPLES
    assert measured.peak_amplitude == 1.0


@pytest.mark.parametrize("trim_db", [None, 40.0])
def test_silence_has_nothing_but_a_duration(trim_db: float | None) -> None:
    measured = acoustics(np.zeros(SAMPLE_RATE_HZ, np.float32), SAMPLE_RATE_HZ, trim_db=trim_db)
    said = {name: value for name, value in zip(COLUMNS, measured.row()) if value != 0.0}
    assert set(said) == {"duration_s", "sample_rate_hz", "intensity_mean_db", "mfcc_mean_0"}
    assert said["duration_s"] == 1.0
    assert said["intensity_mean_db"] == pytest.approx(20 * np.log10(LEVEL_FLOOR))


@pytest.mark.parametrize("n_samples", [FRAME_SAMPLES, 2880, 2881, 3000, 6000])
@pytest.mark.parametrize("trim_db", [None, 40.0])
def test_the_very_short_is_measured_without_a_warning(n_samples: int, trim_db: float | None) -> None:
    for samples in (tone(100.0), noise(), np.full(SAMPLE_RATE_HZ, 0.25, np.float32), noise(amplitude=1e-38)):
        assert np.isfinite(acoustics(samples[:n_samples], SAMPLE_RATE_HZ, trim_db=trim_db).row()).all()


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros(1, np.float32), "1 samples at 16000 Hz: want 42.7 ms at least"),
        (np.zeros(0, np.float32), "0 samples"),
        (np.zeros(682, np.float32), "682 samples"),
        (np.zeros((16000, 2), np.float32), r"want mono, \(n,\) float32, got \(16000, 2\)"),
        (np.zeros(16000, np.int16), "got .* int16"),
        (np.where(np.arange(16000) == 7, np.nan, 0.0).astype(np.float32), "sample 7 is nan"),
        (np.where(np.arange(16000) == 9, -np.inf, 0.0).astype(np.float32), "sample 9 is -inf"),
        (np.where(np.arange(16000) == 9, 1e30, 0.0).astype(np.float32), "sample 9 is 1"),
    ],
    ids=["one sample", "none", "less than a frame", "stereo", "int16", "NaN", "infinite", "no sound"],
)
def test_what_cannot_be_measured_is_refused(samples: Samples, says: str) -> None:
    with pytest.raises(LabError, match=says):
        acoustics(samples, 16000)


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(LabError, match="sample_rate_hz is 0"):
        acoustics(noise(), 0)
    with pytest.raises(LabError, match="trim_db is -40"):
        acoustics(noise(), SAMPLE_RATE_HZ, trim_db=-40.0)


def test_the_columns_are_the_papers() -> None:
    measured = acoustics(pulses(130.0, 0.01, 0.05)[0], SAMPLE_RATE_HZ)
    row = dict(zip(COLUMNS, measured.row()))
    assert len(TABLE_COLUMNS) == 45 - len(("path", "emotion"))
    assert len(RESULT_COLUMNS) == 30
    assert len(row) == len(COLUMNS) == 46
    assert set(RESULT_COLUMNS) < set(TABLE_COLUMNS) < set(COLUMNS)
    assert TABLE_COLUMNS[-3:] == ("mfcc_std_11", "mfcc_mean_12", "mfcc_std_12")
    for field in fields(Acoustics):
        if not field.name.startswith("mfcc"):
            assert row[field.name] == getattr(measured, field.name)
    for index in range(13):
        assert row[f"mfcc_mean_{index}"] == measured.mfcc_mean[index]
        assert row[f"mfcc_std_{index}"] == measured.mfcc_std[index]


@needs_emodb
@pytest.mark.parametrize("label", sorted(EMODB.n_by_label))
def test_real_speech_beside_praat_and_librosa(label: str) -> None:
    chosen = next(each for each in find(EMODB, corpora_root()) if each.label == label)
    samples = float32_from_int16(read_pcm(chosen.path, 16000))
    measured = acoustics(samples, 16000)
    # at its own rate, with Praat's own choice of hop: nothing of what was done here on the way
    sound = parselmouth.Sound(samples.astype(np.float64), 16000)
    pitch = sound.to_pitch(pitch_floor=50.0, pitch_ceiling=500.0)
    heard_hz = pitch.selected_array["frequency"]
    report = parselmouth.praat.call(
        [sound, pitch, parselmouth.praat.call([sound, pitch], "To PointProcess (cc)")],
        *("Voice report", 0.0, 0.0, 50.0, 500.0, 1.3, 1.6, 0.03, 0.45),
    )
    said = dict(line.strip().split(": ", 1) for line in report.splitlines() if ": " in line)
    assert measured.duration_s == pytest.approx(sound.duration, abs=1e-4)
    assert measured.pitch_median_hz == pytest.approx(np.median(heard_hz[heard_hz > 0]), rel=0.03)
    assert measured.voiced_ratio == pytest.approx(np.mean(heard_hz > 0), abs=0.05)
    assert measured.jitter == pytest.approx(float(said["Jitter (local)"].rstrip("%")) / 100, rel=0.2)
    assert measured.shimmer == pytest.approx(float(said["Shimmer (local)"].rstrip("%")) / 100, rel=0.2)
    at_48_khz = librosa.resample(samples, orig_sr=16000, target_sr=48000)
    mfcc = librosa.feature.mfcc(y=at_48_khz / np.abs(at_48_khz).max(), sr=48000, n_mfcc=13)
    np.testing.assert_allclose(measured.mfcc_mean, mfcc.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(measured.mfcc_std, mfcc.std(axis=1), atol=1e-3)
    assert 0.0 < measured.voiced_ratio < 1.0


@needs_actor_1
@pytest.mark.parametrize(
    ("name", "duration_s", "mean_amplitude", "intensity_db", "tempo_bpm"),
    [
        ("03-01-01-01-01-02-01", 3.336667, 0.001771, -75.991753, 106.132075),
        ("03-01-01-01-02-01-01", 3.269917, 0.002135, -76.325920, 122.282609),
        ("03-01-01-01-02-02-01", 3.169833, 0.001995, -76.089108, 127.840909),
        ("03-01-01-01-01-01-01", 3.303292, 0.001663, -76.689278, 148.026316),
        ("03-01-06-02-01-01-01", 5.005000, 0.012345, -51.296867, 122.282609),
    ],
)
def test_the_rows_that_the_paper_prints(
    name: str, duration_s: float, mean_amplitude: float, intensity_db: float, tempo_bpm: float
) -> None:
    # the corpus at hand is a compressed copy at 16 kHz: what lies above 8 kHz is missing from the amplitudes
    path = next(ACTOR_1.glob(f"{name}.*"))
    samples, sample_rate_hz = soundfile.read(path, dtype="float32")
    measured = acoustics(samples, sample_rate_hz, peak_normalised=False)
    assert measured.duration_s == pytest.approx(duration_s, abs=1e-4)
    assert measured.tempo_bpm == pytest.approx(tempo_bpm, abs=1e-5)
    assert measured.mean_amplitude == pytest.approx(mean_amplitude, rel=0.1)
    assert measured.intensity_mean_db == pytest.approx(intensity_db, abs=3.0)
