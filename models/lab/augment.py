"""Training material changed a little: samples, spectra and batches. Pure functions of their input and a generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.mel import hz_from_mel, mel_from_hz
from models.lab.errors import LabError

_LONGEST_STFT = 2048


def add_noise(samples: NDArray[np.float32], rng: np.random.Generator, part_of_peak: float = 0.005) -> NDArray[np.float32]:
    """(n,) with white Gaussian noise whose deviation is `part_of_peak` of the largest amplitude. Paper 5."""
    deviation = part_of_peak * float(np.abs(samples).max(initial=0.0))
    return samples + (deviation * rng.standard_normal(len(samples))).astype(np.float32)


def shift(
    samples: NDArray[np.float32], rng: np.random.Generator, sample_rate_hz: int, at_most_ms: float = 5.0
) -> NDArray[np.float32]:
    """(n,) turned in a circle by up to `at_most_ms` in either direction: what leaves one end enters the other. Paper 5."""
    at_most = int(at_most_ms * sample_rate_hz / 1000.0)
    return np.roll(samples, int(rng.integers(-at_most, at_most + 1)))


def stretch(
    samples: NDArray[np.float32], rng: np.random.Generator, slowest: float = 0.8, fastest: float = 1.2
) -> NDArray[np.float32]:
    """(n,) at a speed between `slowest` and `fastest`, its pitch kept: (round(n / speed),). Paper 5."""
    return stretched(samples, float(rng.uniform(slowest, fastest)))


def pitch_shift(
    samples: NDArray[np.float32], rng: np.random.Generator, sample_rate_hz: int, at_most_semitones: float = 2.0
) -> NDArray[np.float32]:
    """(n,) with its pitch up to `at_most_semitones` higher or lower, its length kept. Paper 5."""
    return pitch_shifted(samples, sample_rate_hz, float(rng.uniform(-at_most_semitones, at_most_semitones)))


def stretched(samples: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """(n,) at `speed` times the speed, its pitch kept: (round(n / speed),). librosa's phase vocoder."""
    from librosa.effects import time_stretch

    return np.asarray(time_stretch(y=samples, rate=speed, n_fft=_n_fft(samples)), np.float32)


def pitch_shifted(samples: NDArray[np.float32], sample_rate_hz: int, semitones: float) -> NDArray[np.float32]:
    """(n,) with its pitch `semitones` higher, its length kept. librosa's phase vocoder, then resampling."""
    from librosa.effects import pitch_shift

    return np.asarray(pitch_shift(y=samples, sr=sample_rate_hz, n_steps=semitones, n_fft=_n_fft(samples)), np.float32)


def _n_fft(samples: NDArray[np.float32]) -> int:
    """librosa's 2048, or for what is shorter the largest power of two that fits."""
    return max(4, min(_LONGEST_STFT, 1 << (len(samples).bit_length() - 1)))


def add_at_snr(
    samples: NDArray[np.float32], noise: NDArray[np.float32], snr_db: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(n,) with noise `snr_db` below it: the ratio of their powers over all n samples, in dB.

    Where `noise` (m,) is longer a stretch of it is drawn, where it is shorter it is repeated from a drawn start. Samples may
    leave full scale. Silent samples stay silent: nothing is `snr_db` below nothing. Raises LabError for silent noise.
    """
    power = _power(samples)
    if power == 0.0:
        return samples.copy()
    n_starts = len(noise) - len(samples) + 1 if len(noise) > len(samples) else len(noise)
    start = int(rng.integers(max(1, n_starts)))
    excerpt = np.resize(np.roll(noise, -start), len(samples)).astype(np.float64)
    noise_power = _power(excerpt)
    if noise_power == 0.0:
        raise LabError("the noise is silent: there is no gain that makes it heard")
    gain = np.sqrt(power / (noise_power * 10.0 ** (snr_db / 10.0)))
    return np.asarray(samples + gain * excerpt, np.float32)


def _power(samples: NDArray[np.floating]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0


def mask(
    frames: NDArray[np.float32],
    rng: np.random.Generator,
    n_each: int = 2,
    longest_part: float = 0.125,
    widest_bands: int = 8,
    fill: float = 0.0,
) -> NDArray[np.float32]:
    """(n_frames, n_bands) with `n_each` stretches of time and as many of frequency set to `fill`; a copy.

    A stretch of time is up to `longest_part` of the frames long, one of frequency up to `widest_bands` wide, each of any
    length from nothing on. SpecAugment (Park et al., 2019) without its warp.
    """
    masked = frames.copy()
    n_frames, n_bands = frames.shape
    for _ in range(n_each):
        begin, end = _stretch_of(n_frames, int(longest_part * n_frames), rng)
        masked[begin:end] = fill
        begin, end = _stretch_of(n_bands, min(widest_bands, n_bands), rng)
        masked[:, begin:end] = fill
    return masked


def _stretch_of(n: int, longest: int, rng: np.random.Generator) -> tuple[int, int]:
    length = int(rng.integers(longest + 1))
    begin = int(rng.integers(n - length + 1))
    return begin, begin + length


def warp_time(frames: NDArray[np.float32], rng: np.random.Generator, at_most: float = 0.08) -> NDArray[np.float32]:
    """(n, n_bands) drawn out or pressed together by exp(U(-at_most, at_most)): (round(n * that), n_bands)."""
    return time_warped(frames, float(np.exp(rng.uniform(-at_most, at_most))))


def time_warped(frames: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """(n, n_bands) -> (round(n * factor), n_bands), at least one frame of any; straight lines between frames."""
    if not len(frames):
        return frames
    n_out = max(1, round(len(frames) * factor))
    return _between(frames.T, np.linspace(0.0, len(frames) - 1.0, n_out)).T


def warp_frequency(
    frames: NDArray[np.float32], rng: np.random.Generator, centres_hz: NDArray[np.float64], at_most: float = 0.06
) -> NDArray[np.float32]:
    """(n_frames, n_bands) as from a vocal tract shorter or longer by exp(U(-at_most, at_most)); the shape is kept.

    Vocal tract length perturbation (Jaitly & Hinton, 2013), on bands.
    """
    return frequency_warped(frames, centres_hz, float(np.exp(rng.uniform(-at_most, at_most))))


def frequency_warped(frames: NDArray[np.float32], centres_hz: NDArray[np.float64], factor: float) -> NDArray[np.float32]:
    """(n_frames, n_bands) with what was at f moved to `factor` f; the shape is kept.

    `centres_hz`: (n_bands,) rising; straight lines between bands, and at the ends the outermost band again.
    """
    return _between(frames, np.interp(centres_hz / factor, centres_hz, np.arange(len(centres_hz))))


def _between(rows: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """(m, n) -> (m, len(at)): each row at fractional columns."""
    left = np.minimum(at.astype(np.int64), max(0, rows.shape[1] - 2))
    right = np.minimum(left + 1, rows.shape[1] - 1)
    weight = (at - left).astype(np.float32)
    return np.asarray(rows[:, left] * (1.0 - weight) + rows[:, right] * weight, np.float32)


def mel_centres_hz(n_mels: int, f_min_hz: float, f_max_hz: float, scale: str = "htk") -> NDArray[np.float64]:
    """(n_mels,) where the triangles of `dsp.mel.mel_bank` peak."""
    low, high = mel_from_hz(np.array([f_min_hz, f_max_hz]), scale)
    return hz_from_mel(np.linspace(low, high, n_mels + 2)[1:-1], scale)


def mixup(
    inputs: NDArray[np.float32], targets: NDArray[np.float32], rng: np.random.Generator, alpha: float = 0.2
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A batch (b, ...) and its (b, n_labels) targets, each mixed with another of the batch. Zhang et al. (2018).

    One share for each, drawn from Beta(alpha, alpha), for input and target alike: targets that add up to 1 still do.
    """
    if alpha <= 0:
        raise LabError(f"mixup with alpha {alpha}: want a value above zero")
    other = rng.permutation(len(inputs))
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)
    return _mixed(inputs, other, share), _mixed(targets, other, share)


def _mixed(batch: NDArray[np.float32], other: NDArray[np.int64], share: NDArray[np.float32]) -> NDArray[np.float32]:
    each = share.reshape(-1, *[1] * (batch.ndim - 1))
    return np.asarray(each * batch + (1.0 - each) * batch[other], np.float32)
