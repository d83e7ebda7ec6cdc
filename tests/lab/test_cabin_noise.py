"""Cabin noise is drawn, mixed at the SNR asked for, and refuses what is no sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.lab import cabin_noise
from models.lab.cabin_noise import HELD_OUT, KINDS, NOT_USED, TRAINING_KINDS, clips, drive, in_cabin, mix
from models.lab.cabin_picture import draw_kinds
from models.lab.car_sounds import Sound
from models.lab.corpora import NotAtHand
from models.lab.errors import LabError

RATE_HZ = 16000
seeds = st.integers(0, 2**32 - 1)
MADE_UP = tuple(name for name in TRAINING_KINDS if name in KINDS)
Samples = NDArray[np.float32]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def speech(n_samples: int = RATE_HZ, amplitude: float = 0.1) -> Samples:
    """A buzz of 140 Hz that comes and goes."""
    t_s = np.arange(n_samples) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * 140 * k * t_s) / k for k in range(1, 20))
    return (amplitude * buzz * np.sin(2 * np.pi * 2 * t_s + 0.1) ** 2).astype(np.float32)


def power(samples: NDArray[np.floating[Any]]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of 0.5 s, a tone, and a long one whose samples count."""
    (tmp_path / "NOISE").mkdir()
    tone = 0.3 * np.sin(2 * np.pi * 333.0 * np.arange(RATE_HZ // 2) / RATE_HZ)
    soundfile.write(tmp_path / "NOISE" / "tone.flac", tone, RATE_HZ)
    soundfile.write(tmp_path / "NOISE" / "hiss.flac", 0.1 * rng(5).standard_normal(4 * RATE_HZ), RATE_HZ)
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path))
    return tmp_path


@settings(max_examples=20)
@given(seed=seeds, n_samples=st.integers(1, 40000))
def test_a_drive_has_a_power_of_one(seed: int, n_samples: int) -> None:
    noise = drive(n_samples, rng(seed), tuple(KINDS))
    assert noise.shape == (n_samples,)
    assert noise.dtype == np.float32
    assert power(noise) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(noise, drive(n_samples, rng(seed), tuple(KINDS)))


def test_most_drives_are_low_and_fall_as_a_car_s_do() -> None:
    f_hz = np.fft.rfftfreq(2 * RATE_HZ, 1 / RATE_HZ)
    spectra = np.array([np.abs(np.fft.rfft(drive(2 * RATE_HZ, rng(seed), MADE_UP))) ** 2 for seed in range(40)])
    low = spectra[:, f_hz < 500.0].sum(axis=1) / spectra.sum(axis=1)
    assert np.median(low) > 0.9
    octaves_db = [10 * np.log10(spectra[:, (f_hz >= hz) & (f_hz < 2 * hz)].mean(axis=1)) for hz in (62.5, 125.0, 250.0, 500.0)]
    falls_db = np.median(np.diff(octaves_db, axis=0), axis=1)
    assert ((falls_db > -9.0) & (falls_db < -3.0)).all()
    assert falls_db.mean() == pytest.approx(-6.0, abs=1.5)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_named_alone_is_heard_alone(name: str) -> None:
    generator = rng(3)
    alone = drive(8000, generator, (name,))
    assert power(alone) == pytest.approx(1.0, abs=1e-4)
    assert not any(abs(np.corrcoef(alone, drive(8000, rng(3), (other,)))[0, 1]) > 0.9 for other in KINDS if other != name)


def test_kinds_come_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def sound(name: str) -> Sound:
        return lambda speed_mps, _: heard.append(name) or np.ones_like(speed_mps)  # type: ignore[func-returns-value]

    kinds = {name: cabin_noise.Kind(sound(name), kind.likely, kind.level_db) for name, kind in KINDS.items()}
    monkeypatch.setattr(cabin_noise, "KINDS", kinds)
    for seed in range(1000):
        drive(10, rng(seed), tuple(KINDS))
    for name, kind in KINDS.items():
        assert heard.count(name) / 1000 == pytest.approx(kind.likely, abs=0.05)


def test_what_is_held_out_is_not_trained_on() -> None:
    assert not set(HELD_OUT) & set(TRAINING_KINDS)
    assert not set(NOT_USED) & {*TRAINING_KINDS, *HELD_OUT}
    assert {*TRAINING_KINDS, *HELD_OUT} >= set(KINDS)
    assert any(name not in KINDS for name in TRAINING_KINDS)


def test_a_long_recording_gives_stretches_from_anywhere(recordings: Path) -> None:
    sound = clips(recordings)["NOISE/hiss"].sound
    whole = sound(np.ones(4 * RATE_HZ, np.float32), rng())
    starts = []
    for seed in range(40):
        stretch = sound(np.ones(800, np.float32), rng(seed))
        start = int(np.argmax(np.correlate(whole, stretch, "valid")))
        np.testing.assert_array_equal(whole[start : start + 800], stretch)
        starts.append(start)
    assert min(starts) < RATE_HZ < 3 * RATE_HZ < max(starts)


def test_a_short_recording_goes_round_without_a_click_or_a_gap(recordings: Path) -> None:
    sound = clips(recordings)["NOISE/tone"].sound
    steps = 2 * np.pi * 333.0 / RATE_HZ * 0.3
    for seed in range(5):
        round_and_round = sound(np.ones(3 * RATE_HZ, np.float32), rng(seed))
        assert round_and_round.shape == (3 * RATE_HZ,)
        assert np.abs(np.diff(round_and_round)).max() < 1.5 * steps
        every_20_ms = np.mean(np.square(round_and_round.reshape(-1, 320)), axis=1)
        assert every_20_ms.min() > 0.1 * np.median(every_20_ms)
    period = RATE_HZ // 2 - RATE_HZ // 20
    np.testing.assert_array_equal(round_and_round[period:], round_and_round[:-period])


def test_rumble_below_hearing_is_taken_from_recordings(tmp_path: Path) -> None:
    (tmp_path / "NOISE").mkdir()
    t_s = np.arange(2 * RATE_HZ) / RATE_HZ
    soundfile.write(
        tmp_path / "NOISE" / "both.flac", 0.6 * np.sin(2 * np.pi * 3 * t_s) + 0.1 * np.sin(2 * np.pi * 400 * t_s), RATE_HZ
    )
    heard = clips(tmp_path)["NOISE/both"].sound(np.ones(2 * RATE_HZ, np.float32), rng())
    assert power(heard[8000:-8000]) == pytest.approx(0.1**2 / 2, rel=0.05)


def test_recordings_are_wanted_only_by_kinds_that_want_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path))
    in_cabin(speech(), rng(), (0.0, 5.0), MADE_UP)
    with pytest.raises(NotAtHand, match=f"no recordings in {tmp_path / 'NOISE'}; set AFFECTD_CORPORA") as raised:
        in_cabin(speech(), rng(), (0.0, 5.0), TRAINING_KINDS)
    assert "\n" not in str(raised.value)


def test_a_recording_of_almost_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "NOISE").mkdir()
    soundfile.write(tmp_path / "NOISE" / "blip.flac", np.zeros(30), RATE_HZ)
    with pytest.raises(LabError, match="NOISE/blip: 30 samples: want 1600 at least"):
        clips(tmp_path)


def test_recorded_and_made_up_kinds_go_together(recordings: Path) -> None:
    noisy = in_cabin(speech(), rng(), (0.0, 0.0), ("NOISE/hiss", "NOISE/tone", "brown"))
    assert np.isfinite(noisy).all()
    with pytest.raises(LabError, match=r"is called NOISE/rain: want some of brown, .*, NOISE/hiss, NOISE/tone"):
        drive(100, rng(), ("brown", "NOISE/rain"))


@given(seed=seeds, snr_db=st.floats(-5.0, 20.0), n_samples=st.integers(50, 5000), amplitude=st.floats(1e-3, 1.0))
def test_mix_has_the_snr_asked_for(seed: int, snr_db: float, n_samples: int, amplitude: float) -> None:
    samples = (amplitude * rng(seed).standard_normal(n_samples)).astype(np.float32)
    noise = rng(seed + 1).standard_normal(n_samples).astype(np.float32) * 7.0
    mixed = mix(samples, noise, snr_db)
    added = mixed.astype(np.float64) - samples
    assert mixed.dtype == np.float32
    assert 10 * np.log10(power(samples) / power(added)) == pytest.approx(snr_db, abs=0.01)
    assert np.corrcoef(added, noise)[0, 1] > 0.9999


@pytest.mark.parametrize(("room", "microphone"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("snr_db", [20.0, 5.0, -5.0])
def test_the_snr_is_that_of_the_speech_as_it_is_heard(room: bool, microphone: bool, snr_db: float) -> None:
    for seed in range(4):
        # so far above the noise that nothing is left of that
        alone = in_cabin(speech(), rng(seed), (400.0, 400.0), MADE_UP, room, microphone)
        noisy = in_cabin(speech(), rng(seed), (snr_db, snr_db), MADE_UP, room, microphone)
        assert noisy.shape == (RATE_HZ,)
        assert noisy.dtype == np.float32
        added = noisy.astype(np.float64) - alone
        assert 10 * np.log10(power(alone) / power(added)) == pytest.approx(snr_db, abs=0.05)


def test_the_snr_is_drawn_between_the_two() -> None:
    drawn_db = []
    for seed in range(60):
        noisy = in_cabin(speech(4000), rng(seed), (-5.0, 20.0), ("brown",), room=False, microphone=False)
        drawn_db.append(10 * np.log10(power(speech(4000)) / power(noisy.astype(np.float64) - speech(4000))))
    assert -5.01 < min(drawn_db) < -3.0
    assert 18.0 < max(drawn_db) < 20.01


def test_without_room_and_microphone_only_noise_is_added() -> None:
    np.testing.assert_allclose(in_cabin(speech(), rng(), (400.0, 400.0), MADE_UP, False, False), speech(), atol=1e-12)
    assert np.abs(in_cabin(speech(), rng(), (400.0, 400.0), MADE_UP, True, False) - speech()).max() > 0.01
    assert np.abs(in_cabin(speech(), rng(), (400.0, 400.0), MADE_UP, False, True) - speech()).max() > 0.01


def test_the_noise_goes_through_the_microphone_and_not_through_the_room() -> None:
    def noise_of(room: bool, microphone: bool) -> NDArray[np.float64]:
        noisy, alone = (in_cabin(speech(), rng(8), (db, db), ("pink",), room, microphone) for db in (0.0, 400.0))
        return noisy.astype(np.float64) - alone

    assert np.corrcoef(noise_of(False, False), noise_of(True, False))[0, 1] > 0.9999
    spectra = [np.abs(np.fft.rfft(noise_of(True, microphone)))[20:50].sum() for microphone in (False, True)]
    assert spectra[1] < 0.6 * spectra[0]


@settings(max_examples=10)
@given(seed=seeds)
def test_a_seed_gives_the_same_again_and_the_input_stays(seed: int) -> None:
    given_ = speech()
    one, again = (in_cabin(given_, rng(seed), (0.0, 10.0), MADE_UP) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(given_, speech())
    assert not np.array_equal(one, in_cabin(given_, rng(seed + 1), (0.0, 10.0), MADE_UP))


@pytest.mark.parametrize("n_samples", [1, 3, 500])
def test_short_speech_is_heard_too(n_samples: int) -> None:
    noisy = in_cabin(np.full(n_samples, 0.1, np.float32), rng(), (0.0, 0.0), tuple(KINDS))
    assert noisy.shape == (n_samples,)
    assert np.isfinite(noisy).all()


def test_silent_speech_stays_silent() -> None:
    silence = np.zeros(4000, np.float32)
    np.testing.assert_array_equal(in_cabin(silence, rng(), (0.0, 0.0), MADE_UP), silence)
    np.testing.assert_array_equal(mix(silence, speech(4000), 0.0), silence)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((2, 100), np.float32), r"the speech: want \(n,\) float32 of one sample at least, got \(2, 100\) float32"),
        (np.zeros(100, np.int16), r"got \(100,\) int16"),
        (np.zeros(100), r"got \(100,\) float64"),
        (np.zeros(0, np.float32), r"got \(0,\) float32"),
        (np.array([0.0, np.nan], np.float32), "no numbers or infinite"),
        (np.array([0.0, -np.inf], np.float32), "no numbers or infinite"),
    ],
)
def test_what_is_no_sound_is_refused(samples: Samples, says: str) -> None:
    with pytest.raises(LabError, match=says):
        in_cabin(samples, rng(), (0.0, 5.0), MADE_UP)
    with pytest.raises(LabError, match=says):
        mix(samples, samples, 0.0)


@pytest.mark.parametrize("snr_db", [(5.0, 0.0), (np.nan, 5.0), (0.0, np.inf)])
def test_an_snr_that_is_no_range_is_refused(snr_db: tuple[float, float]) -> None:
    with pytest.raises(LabError, match="want two finite numbers, the lower one first"):
        in_cabin(speech(), rng(), snr_db, MADE_UP)


def test_noise_that_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(LabError, match="99 samples of noise for 100 of speech: want as many"):
        mix(speech(100), speech(99), 0.0)
    with pytest.raises(LabError, match="the noise is silent"):
        mix(speech(100), np.zeros(100, np.float32), 0.0)


def test_kinds_that_are_none_are_refused() -> None:
    with pytest.raises(LabError, match="no kind of noise is named: want some of brown, pink, engine"):
        drive(100, rng(), ())
    with pytest.raises(LabError, match="no kind of noise is called gale, hail: want some of brown"):
        drive(100, rng(), ("gale", "brown", "hail"))
    with pytest.raises(LabError, match="noise of 0 samples: want one at least"):
        drive(0, rng(), ("brown",))


def test_the_picture_is_the_same_each_time_and_no_empty_sheet(tmp_path: Path) -> None:
    for name in ("one.png", "again.png"):
        draw_kinds(tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert (tmp_path / "one.png").stat().st_size > 50_000
