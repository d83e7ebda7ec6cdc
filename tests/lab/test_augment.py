"""Each augmentation does what it says, measurably, the same again from the same seed, and leaves its input alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.mel import mel_bank
from dsp.offline import feature_frames
from dsp.params import FrontEndParams
from models.lab import augment, noise
from models.lab.corpora import NotAtHand
from models.lab.errors import LabError

RATE_HZ = 16000
seeds = st.integers(0, 2**32 - 1)


def tone(f_hz: float, n_samples: int = RATE_HZ, amplitude: float = 0.5) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * f_hz * np.arange(n_samples) / RATE_HZ)).astype(np.float32)


def loudest_hz(samples: NDArray[np.float32]) -> float:
    middle = samples[len(samples) // 8 : -len(samples) // 8]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 17))
    return float(np.argmax(spectrum) * RATE_HZ / (1 << 17))


def power_db(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


ON_SAMPLES: dict[str, Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]] = {
    "noise": augment.add_noise,
    "shift": partial(augment.shift, sample_rate_hz=RATE_HZ),
    "stretch": augment.stretch,
    "pitch": partial(augment.pitch_shift, sample_rate_hz=RATE_HZ),
    "snr": lambda samples, rng: augment.add_at_snr(samples, rng.standard_normal(3000).astype(np.float32), 5.0, rng),
}
CENTRES_HZ = augment.mel_centres_hz(40, 50.0, 7800.0)
ON_FRAMES: dict[str, Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]] = {
    "mask": augment.mask,
    "time": augment.warp_time,
    "frequency": partial(augment.warp_frequency, centres_hz=CENTRES_HZ),
}


@pytest.mark.parametrize("name", [*ON_SAMPLES, *ON_FRAMES])
def test_a_seed_gives_the_same_again_and_the_input_stays(name: str) -> None:
    change = {**ON_SAMPLES, **ON_FRAMES}[name]
    given_ = tone(300.0, 8000) if name in ON_SAMPLES else np.random.default_rng(0).random((100, 40), np.float32)
    before = given_.copy()
    one, again, other = (change(given_, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(given_, before)
    assert one.shape != other.shape or not np.array_equal(one, other)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()


@pytest.mark.parametrize("name", ["noise", "shift", "pitch", "snr"])
@pytest.mark.parametrize("n_samples", [20, 700, 4000])
def test_the_length_is_kept(name: str, n_samples: int) -> None:
    assert ON_SAMPLES[name](tone(300.0, n_samples) + 0.1, np.random.default_rng(0)).shape == (n_samples,)


@given(seed=seeds, amplitude=st.floats(0.01, 1.0))
def test_noise_is_half_a_per_cent_of_the_peak(seed: int, amplitude: float) -> None:
    samples = tone(400.0, amplitude=amplitude)
    added = augment.add_noise(samples, np.random.default_rng(seed)) - samples
    assert np.std(added) == pytest.approx(0.005 * np.abs(samples).max(), rel=0.05)
    assert abs(np.mean(added)) < np.std(added) * 5 / np.sqrt(len(added))


def test_silence_and_nothing_stay_so() -> None:
    rng = np.random.default_rng(0)
    for samples in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        np.testing.assert_array_equal(augment.add_noise(samples, rng), samples)
        np.testing.assert_array_equal(augment.add_at_snr(samples, tone(50.0), 0.0, rng), samples)


@given(seed=seeds)
def test_shift_turns_in_a_circle_by_five_milliseconds_at_most(seed: int) -> None:
    samples = np.arange(1000, dtype=np.float32)
    shifted = augment.shift(samples, np.random.default_rng(seed), RATE_HZ)
    by = int(np.argmin(shifted))
    np.testing.assert_array_equal(np.roll(samples, by), shifted)
    assert min(by, 1000 - by) <= 80


def test_shift_goes_both_ways_and_all_the_way() -> None:
    samples = np.arange(1000, dtype=np.float32)
    by = {int(np.argmin(augment.shift(samples, np.random.default_rng(seed), RATE_HZ))) for seed in range(3000)}
    assert {0, 80, 920} <= by


@pytest.mark.parametrize("speed", [0.8, 0.93, 1.0, 1.2])
def test_stretch_changes_the_length_and_keeps_the_pitch(speed: float) -> None:
    slower = augment.stretched(tone(440.0), speed)
    assert len(slower) == round(RATE_HZ / speed)
    assert loudest_hz(slower) == pytest.approx(440.0, rel=0.005)


@settings(max_examples=15)
@given(seed=seeds)
def test_stretch_draws_a_speed_between_its_bounds(seed: int) -> None:
    n_samples = len(augment.stretch(tone(440.0, 4000), np.random.default_rng(seed)))
    assert round(4000 / 1.2) <= n_samples <= round(4000 / 0.8)


@pytest.mark.parametrize("semitones", [-2.0, -0.5, 0.0, 2.0])
def test_pitch_moves_by_so_many_semitones(semitones: float) -> None:
    moved = augment.pitch_shifted(tone(440.0), RATE_HZ, semitones)
    assert len(moved) == RATE_HZ
    assert 12 * np.log2(loudest_hz(moved) / 440.0) == pytest.approx(semitones, abs=0.1)


@settings(max_examples=15)
@given(seed=seeds)
def test_pitch_draws_two_semitones_at_most(seed: int) -> None:
    moved = augment.pitch_shift(tone(440.0, 8000), np.random.default_rng(seed), RATE_HZ)
    assert abs(12 * np.log2(loudest_hz(moved) / 440.0)) < 2.2


@given(
    seed=seeds,
    snr_db=st.floats(-20.0, 40.0),
    n_samples=st.integers(100, 3000),
    n_noise=st.integers(1, 5000),
    amplitude=st.floats(1e-3, 1.0),
)
def test_the_measured_snr_is_the_asked_one(seed: int, snr_db: float, n_samples: int, n_noise: int, amplitude: float) -> None:
    rng = np.random.default_rng(seed)
    samples = (amplitude * rng.standard_normal(n_samples)).astype(np.float32)
    sound = (0.1 + rng.standard_normal(n_noise)).astype(np.float32)
    noisy = augment.add_at_snr(samples, sound, snr_db, rng)
    assert power_db(samples) - power_db(noisy - samples) == pytest.approx(snr_db, abs=0.01)


def test_the_noise_is_a_drawn_stretch_of_it_or_goes_round() -> None:
    samples = tone(100.0, 50)
    for n_noise in (200, 20):
        sound = np.arange(1, n_noise + 1, dtype=np.float32)
        added = augment.add_at_snr(samples, sound, 0.0, np.random.default_rng(3)).astype(np.float64) - samples
        steps = np.round(np.diff(added) / np.median(np.diff(added)))
        assert (steps == 1).sum() == 49 - (n_noise == 20) * (steps != 1).sum()
        assert (steps != 1).sum() in ((0,) if n_noise == 200 else (2, 3))


@pytest.mark.parametrize("sound", [np.zeros(100, np.float32), np.zeros(0, np.float32)])
def test_silent_noise_is_refused(sound: NDArray[np.float32]) -> None:
    with pytest.raises(LabError, match="the noise is silent"):
        augment.add_at_snr(tone(100.0), sound, 5.0, np.random.default_rng(0))


@given(seed=seeds, n_frames=st.integers(1, 200), n_bands=st.integers(1, 80))
def test_masks_mask_whole_frames_and_bands_and_nothing_else(seed: int, n_frames: int, n_bands: int) -> None:
    frames = 1.0 + np.random.default_rng(0).random((n_frames, n_bands), np.float32)
    masked = augment.mask(frames, np.random.default_rng(seed), fill=-3.0)
    gone = masked == -3.0
    np.testing.assert_array_equal(masked[~gone], frames[~gone])
    whole_frames, whole_bands = gone.all(axis=1), gone.all(axis=0)
    np.testing.assert_array_equal(gone, whole_frames[:, None] | whole_bands[None, :])
    if not gone.all():
        assert whole_frames.sum() <= 2 * (n_frames // 8)
        assert whole_bands.sum() <= 16


def test_masks_are_as_many_and_as_long_as_asked() -> None:
    frames = np.ones((80, 64), np.float32)
    n_masked = [augment.mask(frames, np.random.default_rng(seed)) for seed in range(500)]
    assert max(int((~masked.any(axis=1)).sum()) for masked in n_masked) == 20
    assert max(int((~masked.any(axis=0)).sum()) for masked in n_masked) == 16
    np.testing.assert_array_equal(augment.mask(frames, np.random.default_rng(0), n_each=0), frames)


@given(n_frames=st.integers(1, 300), factor=st.floats(0.5, 2.0))
def test_time_is_drawn_out_evenly(n_frames: int, factor: float) -> None:
    frames = np.stack([np.arange(n_frames), 5.0 - np.arange(n_frames)], axis=1).astype(np.float32)
    warped = augment.time_warped(frames, factor)
    assert warped.shape == (max(1, round(n_frames * factor)), 2)
    np.testing.assert_allclose(warped[:, 0], np.linspace(0, n_frames - 1, len(warped)), atol=1e-3)
    np.testing.assert_allclose(warped[:, 1], 5.0 - warped[:, 0], atol=1e-3)


def test_no_frames_and_a_factor_of_one_change_nothing() -> None:
    frames = np.random.default_rng(0).random((30, 40), np.float32)
    np.testing.assert_allclose(augment.time_warped(frames, 1.0), frames, atol=1e-6)
    np.testing.assert_allclose(augment.frequency_warped(frames, CENTRES_HZ, 1.0), frames, atol=1e-6)
    assert augment.time_warped(frames[:0], 1.1).shape == (0, 40)


@given(seed=seeds)
def test_warps_stay_within_their_bounds(seed: int) -> None:
    n_frames = len(augment.warp_time(np.zeros((1000, 4), np.float32), np.random.default_rng(seed)))
    assert round(1000 * np.exp(-0.08)) <= n_frames <= round(1000 * np.exp(0.08))
    bands = CENTRES_HZ.astype(np.float32)[None, :]
    moved = augment.warp_frequency(bands, np.random.default_rng(seed), CENTRES_HZ) / bands
    assert np.abs(np.log(moved)).max() <= 0.0601


@pytest.mark.parametrize("f_hz", [300.0, 1000.0, 3000.0])
@pytest.mark.parametrize("factor", [np.exp(-0.06), 1.0, np.exp(0.06)])
def test_the_warp_moves_a_tone(f_hz: float, factor: float) -> None:
    params = FrontEndParams(kinds=("log_mel",), n_mels=64, f_min_hz=50.0, f_max_hz=7800.0)
    centres_hz = augment.mel_centres_hz(64, 50.0, 7800.0)
    of_tone = feature_frames(tone(f_hz), params)
    warped = augment.frequency_warped(of_tone, centres_hz, factor)

    def centre_hz(frames: NDArray[np.float32]) -> float:
        weights = np.exp(frames[5:-5].astype(np.float64)).mean(axis=0)
        weights[weights < weights.max() / 100] = 0.0
        return float((weights * centres_hz).sum() / weights.sum())

    assert warped.shape == of_tone.shape
    assert centre_hz(warped) / centre_hz(of_tone) == pytest.approx(factor, abs=0.025)  # a band at 3 kHz is 6 % wide


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_centres_are_where_the_filters_peak(scale: str) -> None:
    params = FrontEndParams(kinds=("log_mel",), n_mels=20, f_min_hz=100.0, f_max_hz=7000.0, mel_scale=scale, frame_ms=64.0)
    bins_hz = np.arange(params.n_fft // 2 + 1) * RATE_HZ / params.n_fft
    peaks_hz = bins_hz[np.argmax(mel_bank(params), axis=1)]
    assert np.abs(augment.mel_centres_hz(20, 100.0, 7000.0, scale) - peaks_hz).max() <= bins_hz[1]


@given(seed=seeds, n=st.integers(1, 20), alpha=st.floats(0.05, 5.0))
def test_mixup_mixes_labels_as_it_mixes_inputs(seed: int, n: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    targets = np.eye(4, dtype=np.float32)[rng.integers(4, size=n)]
    inputs = np.repeat(targets[:, None, :], 3, axis=1)  # of which the target can be read off
    mixed, mixed_targets = augment.mixup(inputs, targets, rng, alpha)
    assert (mixed.shape, mixed_targets.shape) == ((n, 3, 4), (n, 4))
    np.testing.assert_allclose(mixed_targets.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(mixed, np.repeat(mixed_targets[:, None, :], 3, axis=1))


def test_mixup_of_a_small_alpha_leaves_most_nearly_as_they_are() -> None:
    targets = np.eye(1000, dtype=np.float32)
    of_small, of_large = (
        augment.mixup(targets, targets, np.random.default_rng(0), alpha)[1].max(axis=1) for alpha in (0.1, 8.0)
    )
    assert np.median(of_small) > 0.97
    assert np.median(of_large) < 0.7
    with pytest.raises(LabError, match="mixup with alpha 0: want a value above zero"):
        augment.mixup(targets, targets, np.random.default_rng(0), 0)


def test_recorded_noise_is_found_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotAtHand, match=f"no recordings in {tmp_path / 'NOISE'}; set AFFECTD_CORPORA"):
        noise.recorded(tmp_path, RATE_HZ)
    (tmp_path / "NOISE").mkdir()
    soundfile.write(tmp_path / "NOISE" / "rain.flac", tone(100.0, 300), RATE_HZ)
    (tmp_path / "NOISE" / "notes.txt").touch()
    found = noise.recorded(tmp_path, RATE_HZ)
    assert [(name, len(samples)) for name, samples in found.items()] == [("rain", 300)]
