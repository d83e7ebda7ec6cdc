"""The page's table of features beside that of the lab, by librosa and Praat."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import soundfile

from daemon.dashboard.acoustics import acoustics
from daemon.demo import RECORDING
from models.lab.acoustics import acoustics as by_librosa_and_praat

CLOSE = {
    "duration_s": 1e-3,
    "mean_amplitude": 0.01,
    "peak_amplitude": 0.02,
    "rms_mean": 0.01,
    "rms_std": 0.01,
    "intensity_mean_db": 0.01,
    "zcr_mean": 0.03,
    "zcr_std": 0.05,
    "centroid_mean_hz": 0.05,
    "rolloff_mean_hz": 0.05,
    "flux_mean_db": 0.02,
    **{f"mfcc_std_{index}": 0.02 for index in range(13)},
}
"""Relative. Frames are the same, but librosa's first and last hang over the recording's ends."""


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, float], dict[str, float]]:
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    theirs = asdict(by_librosa_and_praat(np.asarray(samples, np.float32), rate_hz, peak_normalised=False))
    for part in ("mean", "std"):
        theirs.update({f"mfcc_{part}_{index}": value for index, value in enumerate(theirs.pop(f"mfcc_{part}"))})
    return {one.name: one.value for one in acoustics(RECORDING, lambda _: None)}, theirs


def test_all_but_three_of_the_papers_columns_are_there(both: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, theirs = both
    assert set(theirs) - set(ours) == {"jitter", "shimmer", "tempo_bpm", "sample_rate_hz"}
    assert set(ours) <= set(theirs)


@pytest.mark.parametrize("name", CLOSE)
def test_a_feature_is_what_librosa_says(both: tuple[dict[str, float], dict[str, float]], name: str) -> None:
    ours, theirs = both
    assert ours[name] == pytest.approx(theirs[name], rel=CLOSE[name])


def test_the_mfcc_are_librosas_to_a_tenth_of_a_decibel(both: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, theirs = both
    for index in range(13):
        assert ours[f"mfcc_mean_{index}"] == pytest.approx(theirs[f"mfcc_mean_{index}"], abs=0.15)


def test_the_pitch_is_about_praats(both: tuple[dict[str, float], dict[str, float]]) -> None:
    """Two detectors: where they differ it is on a few frames."""
    ours, theirs = both
    assert ours["pitch_median_hz"] == pytest.approx(theirs["pitch_median_hz"], rel=0.1)
