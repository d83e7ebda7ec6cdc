"""What a seat hears of an utterance in a cabin, and what the service's gate makes of it. The lab's Python."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon import assembly
from daemon.events import Block, Stretch
from daemon.listener import Closed, Heard, Listener
from daemon.settings import Settings
from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.params import LOG_MEL, FrontEndParams, whole_samples
from dsp.running_functionals import utterance_functionals
from dsp.window import FeatureWindow
from models.lab.affectnet.voices import Voices
from models.lab.cabin import draw_microphone, draw_room, heard_by, impulse_response, spoken_in
from models.lab.cabin_noise import HELD_OUT, TRAINING_KINDS, drive
from models.lab.corpora import Utterance
from models.lab.export import contract_of
from models.lab.features import trimmed
from models.lab.recipe import Recipe

SILENCE_MS = 1000.0
"""Before and after the speech; the noise goes on."""
BLOCK_MS = 100.0
LOUDEST = 32767 / 32768
"""What would be louder is turned down as a whole: whoever sets a microphone's gain leaves room for the noise."""


@dataclass(frozen=True)
class Surroundings:
    """Where an utterance is said."""

    name: str
    in_cabin: bool = True
    """Through a drawn room and microphone; else as it was recorded, in digital silence."""
    snr_db: float | None = None
    """Of the speech, without the silence around it; None: no noise."""
    kinds: Sequence[str] = ()
    """Of the noise."""


CLEAN = Surroundings("clean", in_cabin=False)
LEVELS_DB = (10.0, 5.0, 0.0)
CABIN = Surroundings("cabin, no noise")
TRAINED = tuple(Surroundings(f"{snr_db:g} dB", snr_db=snr_db, kinds=TRAINING_KINDS) for snr_db in LEVELS_DB)
UNHEARD = tuple(Surroundings(f"{snr_db:g} dB, kinds held out", snr_db=snr_db, kinds=HELD_OUT) for snr_db in LEVELS_DB)


def said_in(samples: NDArray[np.float32], where: Surroundings, silence_samples: int) -> NDArray[np.int16]:
    """(n,) speech -> (n + 2 silence_samples,) from the microphone.

    Room, microphone and noise are drawn by the samples: at every SNR they are the same.
    """
    sound = np.pad(samples, silence_samples)
    if where.in_cabin:
        room, microphone, noise = (np.random.default_rng([k, len(samples), zlib.crc32(samples.tobytes())]) for k in range(3))
        sections = draw_microphone(microphone)
        sound = heard_by(sections, spoken_in(sound, impulse_response(draw_room(room))))
        if where.snr_db is not None:
            around = heard_by(sections, drive(len(sound), noise, where.kinds))
            spoken = slice(silence_samples, silence_samples + len(samples))
            gain = _root_mean_square(sound[spoken]) / _root_mean_square(around[spoken]) * 10.0 ** (-where.snr_db / 20.0)
            sound = sound + np.float32(gain) * around
    loudest = max(LOUDEST, float(np.abs(sound).max(initial=0.0)))
    return np.asarray(np.rint(sound * np.float32(32768.0 * LOUDEST / loudest)), np.int16)


def _root_mean_square(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


@dataclass(frozen=True)
class Passed:
    """An utterance that was found."""

    stretch: Stretch
    frames: NDArray[np.float32]
    """(n_frames, n_features): what the model is given of it."""


def passed(sound: NDArray[np.int16], listener: Listener, block_samples: int) -> list[Passed]:
    """What somebody who begins to listen makes of (n,), from first to last."""
    blocks = (Block(sound[at : at + block_samples], at, 0) for at in range(0, len(sound), block_samples))
    heard = [one for block in blocks for one in listener.push(block)] + listener.finish()
    return list(_gathered(heard))


def _gathered(heard: Sequence[Heard]) -> Iterator[Passed]:
    pieces: list[NDArray[np.float32]] = []
    for one in heard:
        if isinstance(one, FeatureWindow):
            pieces.append(one.values)
        elif isinstance(one, Closed):
            yield Passed(one.stretch, np.concatenate(pieces))
            pieces = []


@dataclass(frozen=True)
class Part:
    """A test part as it is heard in one place."""

    known: Voices
    """Between the bounds of the speech: somebody told where it is."""
    gated: Voices
    """Of each utterance the longest stretch that the gate found; those are left out in which it found none."""
    found: NDArray[np.int64]
    """Positions, in the test part, of those in `gated`."""
    n_stretches: NDArray[np.int64]
    """(n,) found in each utterance of the test part."""
    kept_share: NDArray[np.float64]
    """(n,) of the speech, how much is within the longest stretch."""
    strange_share: NDArray[np.float64]
    """(n,) of the longest stretch, how much is none of the speech; 0 where there is no stretch."""


def heard_in(where: Surroundings, utterances: Sequence[Utterance], recipe: Recipe) -> Part:
    """All of them said there, and heard by the service as it ships.

    Raises LabError for a recording that cannot be read, NotAtHand without recorded noise.
    """
    front_end, contract, settings = recipe.front_end, contract_of(recipe), Settings()
    block_samples = whole_samples(BLOCK_MS, front_end.sample_rate_hz)
    silence_samples = whole_samples(SILENCE_MS, front_end.sample_rate_hz)
    known, longest, shares = [], [], []
    n_stretches = np.zeros(len(utterances), np.int64)
    for i, utterance in enumerate(utterances):
        samples = trimmed(utterance, recipe)
        sound = said_in(samples, where, silence_samples)
        begin, end = silence_samples, silence_samples + len(samples)
        known.append(feature_frames(float32_from_int16(sound[begin:end]), front_end))
        found = passed(sound, assembly.listener(settings, contract), block_samples)
        n_stretches[i] = len(found)
        best = max(found, key=lambda one: len(one.frames), default=None)
        longest.append(best)
        shares.append(_shares(best.stretch, begin, end) if best else (0.0, 0.0))
    positions = np.flatnonzero(n_stretches)
    kept, strange = np.array(shares).T
    gated = _voices([one.frames for one in longest if one], [utterances[int(i)] for i in positions], front_end)
    return Part(_voices(known, utterances, front_end), gated, positions, n_stretches, kept, strange)


def _shares(stretch: Stretch, begin: int, end: int) -> tuple[float, float]:
    both = max(0, min(stretch.end_sample, end) - max(stretch.start_sample, begin))
    return both / (end - begin), 1.0 - both / (stretch.end_sample - stretch.start_sample)


def _voices(frames: Sequence[NDArray[np.float32]], said: Sequence[Utterance], front_end: FrontEndParams) -> Voices:
    columns = front_end.columns(LOG_MEL)
    tables = [utterance_functionals(each, front_end) for each in frames]
    return Voices(
        [np.ascontiguousarray(each[:, columns]) for each in frames],
        np.array(tables, np.float32),
        [each.speaker for each in said],
        [each.label for each in said],
    )
