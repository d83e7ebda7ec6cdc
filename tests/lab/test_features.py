"""Trimming, and the features of a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from models.lab import corpora
from models.lab.corpora import Utterance
from models.lab.errors import LabError
from models.lab.features import extract, trim
from tests.lab import tiny

FRAME = 100


def levels(*amplitudes: float) -> NDArray[np.float32]:
    """One frame of each amplitude."""
    return np.repeat(np.array(amplitudes, np.float32), FRAME)


def test_quiet_ends_are_cut_and_pauses_stay() -> None:
    samples = levels(0.001, 0.0, 0.5, 0.0, 0.02, 0.001)
    np.testing.assert_array_equal(trim(samples, FRAME, 40.0), levels(0.5, 0.0, 0.02))


def test_exactly_as_many_decibels_are_kept() -> None:
    assert len(trim(levels(0.011, 1.0, 1.0, 0.009), FRAME, 40.0)) == 3 * FRAME


def test_a_click_keeps_two_frames() -> None:
    assert len(trim(levels(0.0, 0.0, 1.0, 0.0), FRAME, 40.0)) == 2 * FRAME
    np.testing.assert_array_equal(trim(levels(0.0, 0.0, 0.0, 1.0), FRAME, 40.0), levels(0.0, 1.0))


@pytest.mark.parametrize("samples", [levels(0.0, 0.0, 0.0, 0.0), levels(0.0, 1.0), np.zeros(0, np.float32)])
def test_silence_and_the_very_short_are_left_whole(samples: NDArray[np.float32]) -> None:
    assert len(trim(samples, FRAME, 40.0)) == len(samples)


def test_extract_is_the_front_end_on_the_trimmed_recording(tmp_path: Path) -> None:
    tiny.write_corpus(tmp_path)
    utterances = corpora.whole(tiny.CORPUS, tmp_path)
    frames = extract(utterances, tiny.RECIPE)
    assert len(frames) == len(utterances)
    samples = float32_from_int16(corpora.read_pcm(utterances[3].path, 16000))
    wanted = feature_frames(trim(samples, 512, 40.0), tiny.RECIPE.front_end)
    np.testing.assert_array_equal(frames[3], wanted)


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no sound")
    with pytest.raises(LabError, match=r"broken\.wav: cannot be read"):
        extract([Utterance(tmp_path / "broken.wav", "03", "anger")], tiny.RECIPE)
