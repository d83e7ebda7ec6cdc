"""`python -m models.lab.speech_or_not`: finds the numbers that speech is told by, and how well they do on what is unheard.

Trained on EMO-DB alone of the corpora, whose licence binds nothing. A score is of noise of a family, and of speakers, that had
no part in the numbers that are scored. The cues were chosen one by one, by what each took off the loss on RAVDESS and nEMO
and on noise of families left out; a high mean pitch, which would tell well, is none of them: children have it, too.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.params import FrontEndParams
from dsp.running_functionals import utterance_functionals
from models.lab import recipe
from models.lab.cabin import draw_microphone, draw_room, heard_by, impulse_response, spoken_in
from models.lab.cabin_noise import KINDS, TRAINING_KINDS, drive, in_cabin, mix
from models.lab.car_sounds import SAMPLE_RATE_HZ, Samples
from models.lab.corpora import EMODB, corpora_root, read_pcm, whole
from models.lab.errors import LabError
from models.lab.features import trim
from models.lab.noise import FOLDER, recorded
from models.lab.not_speech import MADE
from models.speech import ARTEFACT, Cue, SpeechNumbers, cue_means, design, kept, logits

RECIPE = "affectnet-emodb"
"""Whose front end it is for."""
PIECE_FRAMES = 62
REACH = 3.0
CUES: tuple[tuple[str, ...], ...] = (
    ("high_to_mid.voiced_deviation",),
    ("pitch.mean_abs_change",),
    ("flux.deviation",),
    tuple(f"mfcc_{k}.mean_abs_change" for k in range(1, 20)),
    ("voicing.voiced_deviation",),
    ("intensity_db.voiced_mean",),
    ("voicing.deviation",),
    ("pitch.deviation",),
)
LEVEL_DB = (-45.0, -12.0)
"""Below full scale, of all that is heard: no cue is to tell by it."""
N_CLIPS = 80
"""Of each kind that is made up."""
CLIP_SAMPLES = 5 * SAMPLE_RATE_HZ
DRIVE, DRIVE_COUNTS = "drive", 10.0
"""As much as so many other kinds: it is what a vehicle has all the time."""
N_FOLDS = 8
RIDGE = 1.0
N_STEPS = 15
"""Of Newton's method; it stands still long before."""
THRESHOLD = 0.0
"""Logit. Of speech not trained on, 2 in 100 are lost in a cabin's noise as loud as itself, elsewhere none; at 1.5, 11."""
LENIENCE = 4.0
"""Of what is cut out of sentences and is 0.3 to 0.8 s long, 1 to 8 in 100 are lost then; of noises so short 15 pass."""

FAMILIES: Mapping[str, Sequence[str]] = {
    "hiss": ("white", "pink", "car/pink", f"{FOLDER}/white_noise", f"{FOLDER}/pink_noise"),
    "rumble": ("brown", "car/brown", "car/wind", DRIVE),
    "engine": ("car/engine", f"{FOLDER}/car_engine"),
    "tones": ("beeps", "alert", "chords"),
    "tunes": ("melody", "music"),
}
"""Kinds so near to each other that a test of one is to know none of them; any other is a family by itself."""


@dataclass(frozen=True)
class Sound:
    """A recording, or something made up."""

    samples: Samples
    kind: str
    """Of noise; of speech the corpus and the speaker."""
    is_speech: bool
    is_clean: bool = False


def noises(root: Path, n_clips: int = N_CLIPS) -> Iterator[Sound]:
    """What is no speech: half of what is made up is heard in a cabin, most over a drive's noise. Raises NotAtHand."""
    made_up = tuple(name for name in TRAINING_KINDS if name in KINDS)
    for name, made in MADE.items():
        for rng in _generators(name, n_clips):
            samples = made(CLIP_SAMPLES, rng)
            samples = _in_some_cabin(samples, rng) if rng.random() < 0.5 else samples
            if rng.random() < 0.6:
                samples = mix(samples, drive(CLIP_SAMPLES, rng, made_up), rng.uniform(0.0, 40.0))
            yield Sound(_at_some_level(samples, rng), name, False)
    for name, pcm in recorded(root, SAMPLE_RATE_HZ).items():
        if f"{FOLDER}/{name}" in TRAINING_KINDS:
            for rng in _generators(name, n_clips // 2):
                start = int(rng.integers(max(1, len(pcm) - CLIP_SAMPLES + 1)))
                stretch = float32_from_int16(pcm[start : start + CLIP_SAMPLES])
                yield Sound(_at_some_level(stretch, rng), f"{FOLDER}/{name}", False)
    for name in made_up:
        for rng in _generators(f"car/{name}", n_clips // 2):
            yield Sound(_at_some_level(drive(CLIP_SAMPLES, rng, (name,)), rng), f"car/{name}", False)
    for rng in _generators(DRIVE, 2 * n_clips):
        yield Sound(_at_some_level(drive(CLIP_SAMPLES, rng, made_up), rng), DRIVE, False)


def voices(root: Path, front_end: FrontEndParams) -> Iterator[Sound]:
    """EMO-DB as it is, in a cabin, and twice in a drive's noise, half of that in a cabin. Raises LabError."""
    for utterance in whole(EMODB, root):
        pcm = read_pcm(utterance.path, SAMPLE_RATE_HZ)
        samples = trim(float32_from_int16(pcm), front_end.frame_samples, 38.0)
        rng = np.random.default_rng(zlib.crc32(pcm.tobytes()))
        who = f"{EMODB.name}-{utterance.speaker}"
        yield Sound(_at_some_level(samples, rng), who, True, is_clean=True)
        yield Sound(_at_some_level(_in_some_cabin(samples, rng), rng), who, True)
        for snr_db in ((5.0, 20.0), (0.0, 7.0)):
            room = bool(rng.random() < 0.5)
            heard = in_cabin(samples, rng, snr_db, TRAINING_KINDS, room, room)
            yield Sound(_at_some_level(heard, rng), who, True)


def _generators(name: str, n: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng([i, zlib.crc32(name.encode())]) for i in range(n))


def _in_some_cabin(samples: Samples, rng: np.random.Generator) -> Samples:
    heard = spoken_in(samples, impulse_response(draw_room(rng)))
    return np.asarray(heard_by(draw_microphone(rng), np.stack([heard, heard]))[0], np.float32)


def _at_some_level(samples: Samples, rng: np.random.Generator) -> Samples:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    gain = 10.0 ** (rng.uniform(*LEVEL_DB) / 20.0) / np.sqrt(power + 1e-20)
    return np.asarray(np.clip(samples * np.float32(gain), -1.0, 1.0), np.float32)


@dataclass(frozen=True)
class Pieces:
    """All sounds in pieces of a second, every half second."""

    cues: NDArray[np.float64]
    """(n, n_cues)"""
    is_speech: NDArray[np.bool_]
    is_clean: NDArray[np.bool_]
    kind: NDArray[np.str_]
    sound: NDArray[np.int64]
    """Which one it is of, each (n,)."""

    def those(self, chosen: NDArray[np.bool_]) -> Pieces:
        """Some of them."""
        return Pieces(*(getattr(self, one.name)[chosen] for one in fields(self)))


def in_pieces(sounds: Iterator[Sound], front_end: FrontEndParams) -> Pieces:
    """Sounds of less than a frame are passed over; less than a second is one piece."""
    means = cue_means(tuple(Cue(names, 0.0, 1.0, 0.0, 0.0) for names in CUES), front_end)
    cues, rows = [], []
    for i, sound in enumerate(sounds):
        frames = feature_frames(sound.samples, front_end)
        for start in range(0, max(1, len(frames) - PIECE_FRAMES + 1), PIECE_FRAMES // 2):
            piece = frames[start : start + PIECE_FRAMES]
            if len(piece):
                cues.append(means @ utterance_functionals(piece, front_end).astype(np.float64))
                rows.append((sound.is_speech, sound.is_clean, sound.kind, i))
    if not cues:
        raise LabError("no sounds to learn from")
    speech, clean, kind, which = zip(*rows)
    return Pieces(np.stack(cues), np.array(speech), np.array(clean), np.array(kind), np.array(which))


def weights(pieces: Pieces) -> NDArray[np.float64]:
    """(n,): speech as much as noise, each speaker and each kind as much as any other but the drive; the mean is 1."""
    _, which, n_pieces = np.unique(pieces.kind, return_inverse=True, return_counts=True)
    each = np.where(pieces.kind == DRIVE, DRIVE_COUNTS, 1.0) / n_pieces[which]
    for side in (pieces.is_speech, ~pieces.is_speech):
        each[side] *= 0.5 * len(each) / each[side].sum()
    return each


def fit(pieces: Pieces, front_end: FrontEndParams) -> SpeechNumbers:
    """Logistic regression over each cue's distance from speech and the square of it, a ridge on both. Rounded.

    Raises LabError unless there are both speech and something else.
    """
    speech = pieces.is_speech
    if speech.all() or not speech.any():
        raise LabError("only one of speech and noise is there: want both")
    weight = weights(pieces)
    centre = np.average(pieces.cues[speech], axis=0, weights=weight[speech])
    scale = np.sqrt(np.average(np.square(pieces.cues[speech] - centre), axis=0, weights=weight[speech]))
    cues = tuple(Cue(names, _rounded(c), _rounded(s), 0.0, 0.0) for names, c, s in zip(CUES, centre, scale))
    numbers = SpeechNumbers(kept(front_end), PIECE_FRAMES, cues, REACH, 0.0, THRESHOLD, LENIENCE, provenance={})
    bias, *slopes = (_rounded(each) for each in _newton(design(pieces.cues, numbers), speech.astype(np.float64), weight))
    sloped = tuple(replace(cue, linear=a, square=b) for cue, a, b in zip(cues, slopes[: len(cues)], slopes[len(cues) :]))
    return replace(numbers, cues=sloped, bias=bias)


def _newton(inputs: NDArray[np.float64], truth: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + n_inputs,): the bias, which the ridge leaves alone, and the slopes."""
    inputs = np.hstack([np.ones((len(inputs), 1)), inputs])
    ridge = np.append(1e-9, np.full(inputs.shape[1] - 1, RIDGE))
    found = np.zeros(inputs.shape[1])
    for _ in range(N_STEPS):
        likely = 1.0 / (1.0 + np.exp(-np.clip(inputs @ found, -30.0, 30.0)))
        curve = (inputs * (weight * np.maximum(likely * (1.0 - likely), 1e-6))[:, np.newaxis]).T @ inputs
        slope = inputs.T @ (weight * (truth - likely)) - ridge * found
        found = found + np.linalg.solve(curve + np.diag(ridge), slope)
    return found


def _rounded(value: float) -> float:
    """To 5 digits: what is left does not hang on a library's sums."""
    return float(f"{value:.5g}")


def unheard(pieces: Pieces, front_end: FrontEndParams) -> NDArray[np.float64]:
    """(n,): logits, each by numbers that know neither its speaker nor its noise's family."""
    family_of = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
    family = np.array([family_of.get(kind, kind) for kind in pieces.kind])
    fold, said = np.empty(len(family), np.int64), np.empty(len(family))
    for side in (pieces.is_speech, ~pieces.is_speech):
        fold[side] = np.unique(family[side], return_inverse=True)[1] % N_FOLDS
    for k in range(N_FOLDS):
        there = fold == k
        said[there] = logits(pieces.cues[there], fit(pieces.those(~there), front_end))
    return said


def taken_for_speech(pieces: Pieces, said: NDArray[np.float64]) -> dict[str, float]:
    """The share of sounds any piece of which is speech, by kind of noise, and of clean and of other speech; `said`: logits."""
    shares: dict[str, list[bool]] = {}
    for sound in np.unique(pieces.sound):
        its = pieces.sound == sound
        first = int(np.argmax(its))
        speech = "speech" if pieces.is_clean[first] else "speech in a cabin"
        name = speech if pieces.is_speech[first] else str(pieces.kind[first])
        shares.setdefault(name, []).append(bool((said[its] >= THRESHOLD).any()))
    return {name: round(float(np.mean(found)), 4) for name, found in sorted(shares.items())}


def find(root: Path) -> SpeechNumbers:
    """The numbers, with what they do on what is unheard. Raises LabError."""
    front_end = recipe.load(RECIPE).front_end
    pieces = in_pieces(chain(voices(root, front_end), noises(root)), front_end)
    numbers = fit(pieces, front_end)
    shares = taken_for_speech(pieces, unheard(pieces, front_end))
    provenance = {
        "speech": f"{EMODB.name}, {EMODB.licence}",
        "noise": f"made up, and of {FOLDER}: {', '.join(k.split('/')[1] for k in TRAINING_KINDS if '/' in k)}",
        "licence": EMODB.weights_licence,
        "unheard_taken_for_speech": shares,
    }
    return replace(numbers, provenance=provenance)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the numbers, and prints what they do on what is unheard."""
    parser = argparse.ArgumentParser(prog="python -m models.lab.speech_or_not", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ARTEFACT, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        numbers = find(corpora_root())
    except LabError as trouble:
        print(f"speech_or_not: error: {trouble}", file=sys.stderr)
        return 2
    options.out.write_text(numbers.to_json(), encoding="utf-8")
    for name, share in numbers.provenance["unheard_taken_for_speech"].items():
        print(f"{name:24} {100.0 * share:5.1f} % taken for speech")
    return 0


if __name__ == "__main__":
    sys.exit(main())
