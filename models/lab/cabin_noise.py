"""Speech as a microphone in a moving car's cabin hears it: the sounds of `car_sounds` mixed, recordings, the room of `cabin`.

No recording of a moving car's cabin is at hand. How far a real one is from this is not known; that people speak up in noise
is not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from dsp.framing import float32_from_int16
from models.lab import car_sounds
from models.lab.cabin import draw_microphone, draw_room, heard_by, impulse_response, spoken_in
from models.lab.car_sounds import LOWEST_HZ, SAMPLE_RATE_HZ, Samples, Sound, of_power_one, speed_curve_mps
from models.lab.corpora import corpora_root
from models.lab.errors import LabError
from models.lab.noise import FOLDER, recorded

_FADE_SAMPLES = SAMPLE_RATE_HZ // 20


@dataclass(frozen=True)
class Kind:
    """One sort of noise, and how a drive has it."""

    sound: Sound
    likely: float
    """The share of drives in which it is heard."""
    level_db: tuple[float, float]
    """Between which its power lies; that of brown noise is 0 on average."""


KINDS: Mapping[str, Kind] = {
    "brown": Kind(car_sounds.brown, 1.0, (-3.0, 3.0)),
    "pink": Kind(car_sounds.pink, 1.0, (-20.0, -3.0)),
    "engine": Kind(car_sounds.engine, 0.8, (-15.0, 3.0)),
    "wind": Kind(car_sounds.wind, 0.5, (-20.0, -3.0)),
    "rain": Kind(car_sounds.rain, 0.2, (-20.0, -3.0)),
    "indicator": Kind(car_sounds.indicator, 0.15, (-30.0, -15.0)),
    "joints": Kind(car_sounds.joints, 0.3, (-15.0, -3.0)),
}
"""What is made up; `clips` has what is recorded."""

HELD_OUT = ("rain", f"{FOLDER}/rain", f"{FOLDER}/train")
"""Never to be trained on, so that a test has noise of a sort unheard: rain, which unlike the rest crackles over the whole
band, made up and recorded, so that neither teaches the other; and a train, of the recordings the nearest to a car's."""

NOT_USED = (f"{FOLDER}/running_tap", f"{FOLDER}/crowd_cheering", f"{FOLDER}/dude_miaowing")
"""Neither to train nor to test with: water is too near to the rain held out, the others are voices with moods of their own."""

_RECORDED = ("applause", "car_engine", "doing_the_dishes", "exercise_bike", "pink_noise", "thunder", "typing", "white_noise")
TRAINING_KINDS = (*(name for name in KINDS if name not in HELD_OUT), *(f"{FOLDER}/{name}" for name in _RECORDED))
"""What to train with. Those of the folder NOISE want the recordings at hand."""


def in_cabin(
    samples: Samples,
    rng: np.random.Generator,
    snr_db: tuple[float, float],
    kinds: Sequence[str],
    room: bool = True,
    microphone: bool = True,
) -> Samples:
    """(n,) float32 as spoken in a drawn cabin, in the noise of a drawn `drive`, through a drawn microphone: (n,) float32.

    The SNR is drawn evenly between the two of `snr_db`, and is the ratio of the powers over all n samples of the speech
    after room and microphone and of the noise after the microphone; the noise has not gone through the room. Silence at
    the ends makes the noise weaker than it sounds: trim before. Time and length are kept, the echo beyond the end is cut;
    samples may leave full scale. Silent speech comes back silent. Raises LabError for samples that are not such, an SNR that
    is no range, and as `drive` does.
    """
    _require_samples(samples, "the speech")
    low_db, high_db = snr_db
    if not (np.isfinite(snr_db).all() and low_db <= high_db):
        raise LabError(f"an SNR between {low_db} and {high_db} dB: want two finite numbers, the lower one first")
    drawn_db = float(rng.uniform(low_db, high_db))
    noise = drive(len(samples), rng, kinds)
    speech = spoken_in(samples, impulse_response(draw_room(rng))) if room else samples
    if microphone:
        speech, noise = heard_by(draw_microphone(rng), np.stack([speech, noise]))
    return mix(speech, noise, drawn_db)


def mix(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """(n,) with all of the noise (n,), its power `snr_db` below that of the samples; both are taken over all n samples.

    For noise of another length see `augment.add_at_snr`. Silent samples stay silent. Raises LabError for silent noise, and
    for what is not (n,) float32, finite and of one length.
    """
    _require_samples(samples, "the speech")
    _require_samples(noise, "the noise")
    if len(samples) != len(noise):
        raise LabError(f"{len(noise)} samples of noise for {len(samples)} of speech: want as many")
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64))) * 10.0 ** (-snr_db / 20.0)
    return samples + np.float32(level) * of_power_one(noise)


def drive(n_samples: int, rng: np.random.Generator, kinds: Sequence[str]) -> Samples:
    """(n_samples,) float32 of mean power 1: a drawn choice of `kinds`, each at a drawn level.

    All are of one car: its speed gives the engine's orders, the swell of the wind and the spacing of the joints. Where chance
    leaves none, one of them is heard. Raises LabError for no samples, no kinds or an unknown one, NotAtHand without the
    recordings that a kind wants.
    """
    if n_samples < 1:
        raise LabError(f"noise of {n_samples} samples: want one at least")
    named = _named(kinds)
    chosen = [kind for kind in named if rng.random() < kind.likely]
    speed_mps = speed_curve_mps(n_samples, rng)
    total = np.zeros(n_samples, np.float32)
    for kind in chosen or [named[int(rng.integers(len(named)))]]:
        gain = np.float32(10.0 ** (rng.uniform(*kind.level_db) / 20.0))
        total += gain * of_power_one(kind.sound(speed_mps, rng))
    return of_power_one(total)


def clips(root: Path) -> Mapping[str, Kind]:
    """A kind for each recording of the folder NOISE under `root`, called NOISE/ and its file's name less the suffix.

    Each gives a stretch from a drawn start; one that is too short goes round with a cross-fade. They are read once a process.
    Raises NotAtHand when there are none, LabError for one below 0.1 s.
    """
    return {f"{FOLDER}/{name}": Kind(_stretches(samples), 0.06, (-15.0, 3.0)) for name, samples in _recorded(root).items()}


def _named(names: Sequence[str]) -> list[Kind]:
    known = dict(KINDS)
    if any(name.startswith(f"{FOLDER}/") for name in names):
        known.update(clips(corpora_root()))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"no kind of noise is called {', '.join(unknown)}" if unknown else "no kind of noise is named"
        raise LabError(f"{what}: want some of {', '.join(known)}")
    return [known[name] for name in names]


@lru_cache(maxsize=2)
def _recorded(root: Path) -> Mapping[str, Samples]:
    above = butter(2, LOWEST_HZ, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    found = recorded(root, SAMPLE_RATE_HZ)
    for name, pcm in found.items():
        if len(pcm) < 2 * _FADE_SAMPLES:
            raise LabError(f"{root / FOLDER / name}: {len(pcm)} samples: want {2 * _FADE_SAMPLES} at least")
    return {name: np.asarray(sosfiltfilt(above, float32_from_int16(pcm)), np.float32) for name, pcm in found.items()}


def _stretches(recording: Samples) -> Sound:
    def stretch(speed_mps: Samples, rng: np.random.Generator) -> Samples:
        n_samples, n_recorded = len(speed_mps), len(recording)
        if n_samples <= n_recorded:
            start = int(rng.integers(n_recorded - n_samples + 1))
            return recording[start : start + n_samples]
        ring = _ring(recording)
        return np.take(ring, np.arange(n_samples) + rng.integers(len(ring)), mode="wrap")

    return stretch


def _ring(recording: Samples) -> Samples:
    """The recording with its end faded into its start, power kept: (n - fade,), to be gone round."""
    angle = np.linspace(0.0, np.pi / 2, _FADE_SAMPLES, dtype=np.float32)
    seam = np.sin(angle) * recording[:_FADE_SAMPLES] + np.cos(angle) * recording[-_FADE_SAMPLES:]
    return np.concatenate([seam, recording[_FADE_SAMPLES:-_FADE_SAMPLES]])


def _require_samples(samples: NDArray[np.float32], what: str) -> None:
    if samples.ndim != 1 or samples.dtype != np.float32 or not len(samples):
        raise LabError(f"{what}: want (n,) float32 of one sample at least, got {samples.shape} {samples.dtype}")
    if not np.isfinite(samples).all():
        raise LabError(f"{what}: has samples that are no numbers or infinite")
