"""The page's table of features beside that of the lab, by librosa and Praat."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import soundfile

from daemon.dashboard.acoustics import acoustics
from daemon.demo import RECORDING
from models.lab.acoustics import COLUMNS
from models.lab.acoustics import acoustics as by_librosa_and_praat

CLOSE = {
    "duration_s": 1e-6,
    "sample_rate_hz": 1e-9,
    "mean_amplitude": 1e-4,
    "peak_amplitude": 1e-3,
    "rms_mean": 1e-4,
    "rms_std": 1e-4,
    "intensity_mean_db": 1e-4,
    "tempo_bpm": 1e-6,
    "zcr_mean": 0.005,
    "zcr_std": 0.005,
    "pitch_mean_hz": 0.005,
    "pitch_median_hz": 0.005,
    "pitch_std_hz": 0.02,
    "pitch_variation_percent": 0.02,
    "voiced_ratio": 0.02,
    "jitter": 0.02,
    "shimmer": 0.02,
    "centroid_mean_hz": 0.05,
    "rolloff_mean_hz": 0.05,
    "flux_mean_db": 0.005,
    **{f"mfcc_std_{index}": 0.02 for index in range(13)},
}
"""Relative. What is left is the page's rounding to 16 bits, and the places where a pitch is nearly none."""


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, float], dict[str, float]]:
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    theirs = asdict(by_librosa_and_praat(np.asarray(samples, np.float32), rate_hz, peak_normalised=False))
    for part in ("mean", "std"):
        theirs.update({f"mfcc_{part}_{index}": value for index, value in enumerate(theirs.pop(f"mfcc_{part}"))})
    return {one.name: one.value for one in acoustics(RECORDING, lambda _: None)}, theirs


def test_all_of_the_papers_columns_are_there_in_its_order(both: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, _ = both
    assert tuple(ours) == COLUMNS


@pytest.mark.parametrize("name", CLOSE)
def test_a_feature_is_what_librosa_or_praat_says(both: tuple[dict[str, float], dict[str, float]], name: str) -> None:
    ours, theirs = both
    assert ours[name] == pytest.approx(theirs[name], rel=CLOSE[name])


def test_the_mfcc_are_librosas_to_a_tenth_of_a_decibel(both: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, theirs = both
    for index in range(13):
        assert ours[f"mfcc_mean_{index}"] == pytest.approx(theirs[f"mfcc_mean_{index}"], abs=0.1)
