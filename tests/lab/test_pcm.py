"""A recording becomes samples at the wanted rate, or an error that names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models.lab.corpora import read_pcm
from models.lab.errors import LabError


def tone(f_hz: float, rate_hz: int, amplitude: float = 0.5) -> NDArray[np.float64]:
    return amplitude * np.asarray(np.sin(2 * np.pi * f_hz * np.arange(rate_hz) / rate_hz))


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_pcm_is_read_as_it_stands(tmp_path: Path, suffix: str) -> None:
    pcm = np.array([0, 1, -32768, 32767], np.int16)
    soundfile.write(tmp_path / f"a.{suffix}", pcm, 16000)
    np.testing.assert_array_equal(read_pcm(tmp_path / f"a.{suffix}", 16000), pcm)


@pytest.mark.parametrize("rate_hz", [8000, 24414, 44100, 48000, 96000])
def test_another_rate_is_resampled(tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1000.0, rate_hz), rate_hz)
    samples = read_pcm(tmp_path / "a.wav", 16000)
    assert abs(len(samples) - 16000) <= 1
    middle = slice(2000, 14000)
    wanted = tone(1000.0, 16000) * 32768
    assert np.abs(samples[middle] - wanted[middle]).max() < 3


def test_what_the_wanted_rate_cannot_hold_is_taken_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(12000.0, 48000), 48000)
    assert np.abs(read_pcm(tmp_path / "a.wav", 16000)[2000:14000]).max() <= 2


def test_resampling_gives_the_same_bits_again(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-1, 1, 48000), 48000)
    np.testing.assert_array_equal(read_pcm(tmp_path / "a.wav", 16000), read_pcm(tmp_path / "a.wav", 16000))


def test_two_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(500.0, 16000), np.zeros(16000)], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 16000)
    assert np.abs(read_pcm(tmp_path / "a.wav", 16000) - tone(500.0, 16000, 0.25) * 32768).max() <= 1


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_decoded_sound_beyond_full_scale_is_clipped_and_does_not_wrap(tmp_path: Path, subtype: str) -> None:
    # a square wave at full scale overshoots once its upper harmonics are coded away
    soundfile.write(tmp_path / "a.ogg", np.sign(tone(440.0, 16000)) * 0.999, 16000, format="OGG", subtype=subtype)
    decoded, _ = soundfile.read(tmp_path / "a.ogg")
    assert np.abs(decoded).max() > 1.0
    samples = read_pcm(tmp_path / "a.ogg", 16000)
    assert np.abs(samples - np.clip(decoded * 32768, -32768, 32767)).max() <= 1


def test_sound_that_is_none_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "three.wav", np.zeros((10, 3)), 16000)
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(LabError, match=r"three\.wav: has 3 channels: want one, or two to average"):
        read_pcm(tmp_path / "three.wav", 16000)
    for name in ("text.wav", "absent.wav"):
        with pytest.raises(LabError, match=rf"{name}: cannot be read"):
            read_pcm(tmp_path / name, 16000)


def test_a_cut_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(LabError, match=r"a\.flac: (cannot be read|is cut)"):
        read_pcm(path, 16000)
