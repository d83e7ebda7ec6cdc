"""What is seen and measured of a recording: right for sounds whose pitch, level and length are known."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from daemon.capture.recording import Recording
from daemon.dashboard import acoustics as features
from daemon.dashboard import sound
from daemon.dashboard.acoustics import acoustics
from daemon.dashboard.curves import MARKS_HZ, WIDEST, curves
from daemon.demo import RECORDING
from daemon.errors import RecordingError
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ, Float


def nobody(_upto_s: float) -> None:
    """Who does not care how far it is."""


def voice(hz: float, seconds: float, amplitude: float = 0.3) -> Float:
    """A buzz of ten harmonics."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    parts = sum(np.sin(2 * np.pi * hz * order * time_s) / order for order in range(1, 11))
    return np.asarray(amplitude * parts / np.max(np.abs(parts)), np.float32)


def picture(told: dict[str, object]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    levels = np.frombuffer(base64.b64decode(str(told["levels"])), np.uint8)
    return levels.reshape(int(str(told["rows"])), int(str(told["columns"])))


def test_a_tone_has_its_pitch_its_level_and_its_band(tmp_path: Path) -> None:
    path = recordings.write(tmp_path / "a.wav", voice(200.0, 3.0))
    seen = curves(path, 3.0, nobody)
    assert seen["duration_s"] == pytest.approx(3.0)
    middle = seen["pitch_hz"][20:-20]
    assert all(hz == pytest.approx(200.0, abs=1.0) for hz in middle)
    assert max(seen["wave"]["high"]) == pytest.approx(0.3, abs=0.01)
    assert min(seen["wave"]["low"]) == pytest.approx(-0.3, abs=0.01)
    loudest = picture(seen["mel"])[:, 50].argmax()
    share = dict(seen["mel"]["marks"])[500] * 200.0 / 500.0  # mel is linear below 1 kHz
    assert loudest / seen["mel"]["rows"] == pytest.approx(share, abs=0.03)


def test_silence_has_no_pitch_and_is_dark(tmp_path: Path) -> None:
    seen = curves(recordings.write(tmp_path / "a.wav", np.zeros(RATE_HZ, np.float32)), 1.0, nobody)
    assert set(seen["pitch_hz"]) == {None}
    assert set(seen["wave"]["high"]) == {0.0}


@pytest.mark.parametrize("seconds", [0.01, 0.1, 5.0, 61.0])
def test_no_picture_is_wider_than_a_screen_and_all_end_with_the_sound(tmp_path: Path, seconds: float) -> None:
    samples = np.tile(recordings.speech(), 3)[: int(seconds * RATE_HZ)]
    seen = curves(recordings.write(tmp_path / "a.wav", samples), seconds, nobody)
    for width in (len(seen["wave"]["low"]), seen["mel"]["columns"], len(seen["energy_db"]), len(seen["pitch_hz"])):
        assert width <= WIDEST + 1
    assert len(seen["wave"]["low"]) * seen["wave"]["step_s"] == pytest.approx(seconds, rel=0.01, abs=0.002)
    if seconds > 1.0:
        assert len(seen["energy_db"]) * seen["step_s"] == pytest.approx(seconds, rel=0.01)


def test_marks_rise_and_end_at_the_top(tmp_path: Path) -> None:
    seen = curves(recordings.write(tmp_path / "a.wav", voice(200.0, 0.5)), 0.5, nobody)
    heights = [height for _, height in seen["mel"]["marks"]]
    assert [hz for hz, _ in seen["mel"]["marks"]] == list(MARKS_HZ)
    assert heights == sorted(heights)
    assert heights[-1] == 1.0


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_the_features_of_a_known_sound(tmp_path: Path, rate_hz: int) -> None:
    samples = recordings.resampled(voice(160.0, 2.0, amplitude=0.5), rate_hz)
    path = recordings.write(tmp_path / "a.wav", recordings.channels(samples, 2), rate_hz)
    found = {one.name: one.value for one in acoustics(path, nobody)}
    assert found["duration_s"] == pytest.approx(2.0, abs=0.01)
    assert found["pitch_mean_hz"] == pytest.approx(160.0, rel=0.02)
    assert found["pitch_median_hz"] == pytest.approx(160.0, rel=0.01)
    assert found["voiced_ratio"] > 0.9
    assert found["peak_amplitude"] == pytest.approx(0.5, rel=0.1)
    assert found["rms_mean"] == pytest.approx(float(np.sqrt(np.mean(np.square(samples)))), rel=0.05)
    assert found["intensity_mean_db"] == pytest.approx(20.0 * np.log10(found["rms_mean"]), abs=1.0)


def test_what_is_measured_is_told_on_the_way() -> None:
    heard: list[float] = []
    acoustics(RECORDING, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(24.78, abs=0.01)


def test_what_is_longer_than_its_header_says_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recording, "duration_s", 0.0)
    heard = sound.measure(RECORDING, features.PARAMS, 4800, nobody, features.MARGIN_SAMPLES)
    monkeypatch.undo()
    told = sound.measure(RECORDING, features.PARAMS, 4800, nobody, features.MARGIN_SAMPLES)
    assert len(heard.samples) == pytest.approx(24.78 * 48000, abs=480)
    assert len(heard.frames) == 1 + len(heard.samples) // 512
    np.testing.assert_array_equal(heard.samples, told.samples)
    np.testing.assert_array_equal(heard.frames, told.frames)


def test_a_header_that_lies_about_the_length_does_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "LONGEST_S", 3.0)
    with pytest.raises(RecordingError, match="the page takes"):
        curves(RECORDING, 2.0, nobody)
