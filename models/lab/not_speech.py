"""What a cabin's microphone hears that nobody says, made up: noise of a colour, beeps, chords, sirens, music.

Each is a pure function of a number of samples and a generator; the answer is (n,) float32 at any level but silent, at 16 kHz.
The music has no voice in it, and is no band's: how far a radio's is from it is not known.
"""

from __future__ import annotations

from typing import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfftfreq
from scipy.signal import butter, lfilter, sosfilt

from models.lab.car_sounds import LOWEST_HZ, SAMPLE_RATE_HZ, Samples

Made = Callable[[int, np.random.Generator], Samples]

FADE_SAMPLES = SAMPLE_RATE_HZ // 200
"""Of a tone that is switched on or off."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Major and minor, in semitones."""
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (1, 4, 0, 0), (0, 2, 3, 4), (5, 3, 0, 4))
"""The steps of the scale that chords stand on."""
_NYQUIST_SHARE = 0.45
"""Of the rate: no partial above."""


def coloured(exponent: float) -> Made:
    """Steady Gaussian noise whose amplitude falls with the frequency to this power: 0 white, 0.5 pink, 1 brown."""

    def made(n_samples: int, rng: np.random.Generator) -> Samples:
        n_fft = next_fast_len(max(n_samples, SAMPLE_RATE_HZ), real=True)
        f_hz = np.maximum(rfftfreq(n_fft, 1.0 / SAMPLE_RATE_HZ), LOWEST_HZ)
        spectrum = (rng.standard_normal(len(f_hz)) + 1j * rng.standard_normal(len(f_hz))) * f_hz**-exponent
        return np.asarray(irfft(spectrum, n_fft)[:n_samples], np.float32)

    return made


def beeps(n_samples: int, rng: np.random.Generator) -> Samples:
    """One note of 300 to 2000 Hz, again and again: a reminder, an indicator's repeater, parking aid."""
    period, on_share = int(SAMPLE_RATE_HZ * rng.uniform(0.12, 1.5)), rng.uniform(0.15, 0.8)
    note = _tone(_steady(max(2 * FADE_SAMPLES, int(period * on_share)), rng.uniform(300.0, 2000.0)), rng, _roll_off(rng))
    return _repeated(_faded(note), period, n_samples, rng)


def alert(n_samples: int, rng: np.random.Generator) -> Samples:
    """A phone's: 2 to 6 notes in a row, each struck or held, then a rest, then the same again."""
    notes, length = [], int(SAMPLE_RATE_HZ * rng.uniform(0.08, 0.35))
    lowest_hz, roll_off, decay_s = rng.uniform(300.0, 1000.0), _roll_off(rng), rng.choice([0.1, 0.3, 10.0])
    for _ in range(int(rng.integers(2, 7))):
        f_hz = lowest_hz * 2.0 ** (rng.integers(0, 13) / 12.0)
        notes.append(_faded(_tone(_steady(length, f_hz), rng, roll_off) * _decaying(length, decay_s)))
    pattern = np.concatenate(notes)
    return _repeated(pattern, len(pattern) + int(SAMPLE_RATE_HZ * rng.uniform(0.0, 1.0)), n_samples, rng)


def chords(n_samples: int, rng: np.random.Generator) -> Samples:
    """2 to 4 notes with harmonics at once, pulsed or, as a horn, held; the lowest of 300 to 1000 Hz."""
    period = int(SAMPLE_RATE_HZ * rng.uniform(0.2, 2.0))
    length = max(2 * FADE_SAMPLES, int(period * rng.uniform(0.2, 1.0)))
    lowest_hz, roll_off = rng.uniform(300.0, 1000.0), _roll_off(rng)
    steps = rng.choice(np.arange(1, 13), int(rng.integers(1, 4)), replace=False)
    notes = [_tone(_steady(length, lowest_hz * 2.0 ** (step / 12.0)), rng, roll_off) for step in (0, *steps)]
    return _repeated(_faded(np.sum(notes, axis=0)), period, n_samples, rng)


def siren(n_samples: int, rng: np.random.Generator) -> Samples:
    """Two notes in turn, or a wail or a yelp that rises and falls, 400 to 1600 Hz, its horn's harmonics with it."""
    low_hz = rng.uniform(400.0, 700.0)
    high_hz = low_hz * rng.uniform(1.25, 2.3)
    turn = (np.arange(n_samples) / SAMPLE_RATE_HZ * rng.uniform(0.15, 4.0) + rng.random()) % 1.0
    if rng.random() < 0.4:
        up = (turn < 0.5).astype(np.float64)
    else:
        peak = rng.uniform(0.3, 0.9)
        up = np.where(turn < peak, turn / peak, (1.0 - turn) / (1.0 - peak))
    return _tone(low_hz * (high_hz / low_hz) ** up, rng, rng.uniform(0.5, 1.5))


def melody(n_samples: int, rng: np.random.Generator) -> Samples:
    """One instrument alone: notes of a scale, each with attack and decay; some slide into a note, some have a vibrato."""
    scale, beat_s = SCALES[rng.integers(2)], 60.0 / rng.uniform(60.0, 160.0)
    tonic_hz, roll_off, decay_s = rng.uniform(110.0, 660.0), _roll_off(rng), rng.choice([0.2, 0.6, 10.0])
    vibrato, slide_s = rng.choice([0.0, 0.0, 0.2, 0.5]), rng.choice([0.0, 0.02, 0.08])
    semitones: list[NDArray[np.float64]] = []
    gains: list[NDArray[np.float32]] = []
    step, n_made = int(rng.integers(0, 8)), 0
    while n_made < n_samples:
        length = int(SAMPLE_RATE_HZ * beat_s * rng.choice([0.25, 0.5, 0.5, 1.0, 2.0]))
        step = int(np.clip(step + rng.integers(-3, 4), -3, 10))
        semitones.append(np.full(length, scale[step % 7] + 12.0 * (step // 7)))
        heard = 0.0 if rng.random() < 0.15 else rng.uniform(0.5, 1.0)
        gains.append(np.float32(heard) * _faded(_decaying(length, decay_s)))
        n_made += length
    line = np.concatenate(semitones)[:n_samples]
    if slide_s:
        kept = float(np.exp(-1.0 / (slide_s * SAMPLE_RATE_HZ)))
        line = lfilter([1.0 - kept], [1.0, -kept], line - line[0]) + line[0]
    wave = vibrato * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * np.arange(n_samples) / SAMPLE_RATE_HZ)
    sound = _tone(tonic_hz * 2.0 ** ((line + wave) / 12.0), rng, roll_off) * np.concatenate(gains)[:n_samples]
    return _never_silent(sound, rng)


def drums(n_samples: int, rng: np.random.Generator) -> Samples:
    """A beat: kick, snare and hi-hat in eighths, the bar drawn and repeated."""
    eighth = int(SAMPLE_RATE_HZ * 30.0 / rng.uniform(70.0, 150.0))
    hits = (
        (_kick(rng), rng.random(8) < np.array([1.0, 0.1, 0.3, 0.3, 0.7, 0.1, 0.2, 0.2])),
        (_snare(rng), rng.random(8) < np.array([0.0, 0.0, 1.0, 0.1, 0.0, 0.1, 1.0, 0.2])),
        (_hat(rng), rng.random(8) < rng.uniform(0.4, 1.0)),
    )
    bar = np.zeros(8 * eighth, np.float32)
    for sound, struck in hits:
        for k in np.flatnonzero(struck):
            _lay(bar, np.float32(rng.uniform(0.7, 1.0)) * sound, int(k) * eighth)
    return _repeated(bar, len(bar), n_samples, rng)


def music(n_samples: int, rng: np.random.Generator) -> Samples:
    """Chords that change with the bar, a bass, and mostly drums and a melody over them; no voice."""
    scale, tonic_hz, roll_off = SCALES[rng.integers(2)], rng.uniform(98.0, 196.0), _roll_off(rng)
    bar, decay_s = int(SAMPLE_RATE_HZ * 240.0 / rng.uniform(70.0, 150.0)), rng.choice([0.5, 1.5, 10.0])
    parts = []
    for step in PROGRESSIONS[rng.integers(len(PROGRESSIONS))]:
        steps = [step + up for up in (0, 2, 4)]
        pitches_hz = [tonic_hz * 2.0 ** ((scale[k % 7] + 12 * (k // 7)) / 12.0) for k in steps]
        held = _decaying(bar, decay_s)
        chord = sum(_tone(_steady(bar, 2.0 * f_hz), rng, roll_off) for f_hz in pitches_hz)
        parts.append(_faded(held * (chord + _tone(_steady(bar, 0.5 * pitches_hz[0]), rng, 1.5))))
    total = _repeated(np.concatenate(parts), len(parts) * bar, n_samples, rng)
    for part, likely in ((drums, 0.8), (melody, 0.6)):
        if rng.random() < likely:
            total = _levelled(total) + np.float32(rng.uniform(0.3, 1.0)) * _levelled(part(n_samples, rng))
    return total


def barks(n_samples: int, rng: np.random.Generator) -> Samples:
    """A dog's: 1 to 4 in a row, then a rest, again and again; hoarse, of 0.1 to 0.25 s, 250 to 900 Hz, up and down again."""
    length = int(SAMPLE_RATE_HZ * rng.uniform(0.1, 0.25))
    place = np.arange(length) / length
    low_hz, rise, throat_hz = rng.uniform(250.0, 600.0), rng.uniform(1.2, 1.6), rng.uniform(700.0, 1500.0)
    voice = _tone(low_hz * rise ** np.sin(np.pi * place), rng, rng.uniform(0.3, 1.0))
    hoarse = voice * (1.0 + rng.uniform(0.2, 0.8) * rng.standard_normal(length))
    throat = butter(1, (0.6 * throat_hz, 1.6 * throat_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    bark = np.asarray(sosfilt(throat, hoarse) * np.minimum(place / 0.1, 1.0) * (1.0 - place), np.float32)
    group = []
    for _ in range(int(rng.integers(1, 5))):
        group += [np.float32(rng.uniform(0.6, 1.0)) * bark, np.zeros(int(SAMPLE_RATE_HZ * rng.uniform(0.1, 0.5)), np.float32)]
    pattern = np.concatenate(group)
    return _never_silent(_repeated(pattern, len(pattern) + int(SAMPLE_RATE_HZ * rng.uniform(0.0, 0.6)), n_samples, rng), rng)


MADE: Mapping[str, Made] = {
    "white": coloured(0.0),
    "pink": coloured(0.5),
    "brown": coloured(1.0),
    "beeps": beeps,
    "alert": alert,
    "chords": chords,
    "siren": siren,
    "melody": melody,
    "drums": drums,
    "music": music,
    "barks": barks,
}


def _steady(n_samples: int, f_hz: float) -> NDArray[np.float64]:
    return np.full(n_samples, f_hz)


def _roll_off(rng: np.random.Generator) -> float:
    """How fast partials fall: that of a flute or a buzzer, and all between."""
    return float(rng.uniform(0.5, 3.0))


def _tone(f_hz: NDArray[np.float64], rng: np.random.Generator, roll_off: float) -> Samples:
    """(n,) of a note and its partials, as many as there is room for, the k-th of k ** -roll_off; drawn phases."""
    turns = np.cumsum(f_hz) / SAMPLE_RATE_HZ
    total = np.zeros(len(f_hz), np.float32)
    for k in range(1, 13):
        if k * f_hz.max() < _NYQUIST_SHARE * SAMPLE_RATE_HZ or k == 1:
            total += np.float32(k**-roll_off) * np.sin(2 * np.pi * ((k * turns + rng.random()) % 1.0)).astype(np.float32)
    return total


def _decaying(n_samples: int, decay_s: float) -> Samples:
    return np.exp(-np.arange(n_samples) / (decay_s * SAMPLE_RATE_HZ)).astype(np.float32)


def _faded(samples: Samples) -> Samples:
    ramp = np.minimum(np.arange(1, len(samples) + 1) / FADE_SAMPLES, 1.0).astype(np.float32)
    return np.asarray(samples * ramp * ramp[::-1], np.float32)


def _repeated(pattern: Samples, period: int, n_samples: int, rng: np.random.Generator) -> Samples:
    """The pattern every `period` samples, from a drawn place on: somewhere in it there is sound."""
    turn = np.zeros(max(period, len(pattern)), np.float32)
    turn[: len(pattern)] = pattern
    # from within the pattern, so that a short stretch is not of the rest alone
    start = int(rng.integers(max(1, len(pattern) // 2)))
    return np.asarray(np.take(turn, np.arange(start, start + n_samples), mode="wrap"), np.float32)


def _levelled(samples: Samples) -> Samples:
    return np.asarray(samples / np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-12), np.float32)


def _never_silent(samples: Samples, rng: np.random.Generator) -> Samples:
    """With a hiss 60 dB below: of a melody's rests alone there would be nothing."""
    return np.asarray(samples + np.float32(1e-3) * rng.standard_normal(len(samples)).astype(np.float32), np.float32)


def _lay(total: Samples, sound: Samples, at_sample: int) -> None:
    part = total[at_sample : at_sample + len(sound)]
    part += sound[: len(part)]


def _kick(rng: np.random.Generator) -> Samples:
    t_s = np.arange(int(0.25 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    low_hz = rng.uniform(45.0, 70.0)
    turns = low_hz * t_s + (1.0 - np.exp(-t_s / 0.03)) * rng.uniform(1.0, 4.0)
    return np.asarray(np.exp(-t_s / 0.08) * np.sin(2 * np.pi * turns), np.float32)


def _snare(rng: np.random.Generator) -> Samples:
    t_s = np.arange(int(0.2 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    rattle = rng.standard_normal(len(t_s)) * np.exp(-t_s / rng.uniform(0.03, 0.09))
    drum = np.exp(-t_s / 0.05) * np.sin(2 * np.pi * rng.uniform(150.0, 240.0) * t_s)
    return np.asarray(0.6 * rattle + drum, np.float32)


def _hat(rng: np.random.Generator) -> Samples:
    hiss = rng.standard_normal(int(0.08 * SAMPLE_RATE_HZ)) * np.exp(-np.arange(int(0.08 * SAMPLE_RATE_HZ)) / 300.0)
    return np.asarray(0.3 * lfilter([1.0, -1.0], [1.0], hiss), np.float32)
