"""Generated corpora: the names and numbers of the real ones, a second of noise a file at a rate that makes small files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Iterable

import numpy as np

from models.lab.corpora.cremad import ACTORS, SENTENCES
from models.lab.corpora.ravdess import RAVDESS

RATE_HZ = 1000
N_SAMPLES = 1500

_EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
# at the source 20 of the 91 times 82 are missing: three of each emotion, five of neutral
_N_LACKING = {emotion: 5 if emotion == "NEU" else 3 for emotion in _EMOTIONS}


def wav(sound: int, n_samples: int = N_SAMPLES, rate_hz: int = RATE_HZ) -> bytes:
    """A mono 16-bit WAV file; another `sound` is another noise."""
    data = np.random.default_rng(sound).integers(-9000, 9000, n_samples, np.int16).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return b"RIFF" + struct.pack("<I", 4 + len(form) + 8 + len(data)) + b"WAVE" + form + b"data" + _sized(data)


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def write(folder: Path, names: Iterable[str]) -> Path:
    """One file a name ("Actor_07/03-..."), each of another sound; gives the folder."""
    for sound, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(sound))
    return folder


def touch(folder: Path, names: Iterable[str]) -> None:
    """One empty file a name."""
    for name in names:
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def ravdess_names() -> list[str]:
    """Those of all 1440."""
    assert RAVDESS.expected is not None
    return [f"Actor_{stem[-2:]}/{stem}" for stem in sorted(RAVDESS.expected([]))]


def tess_names() -> list[str]:
    """2800, with 200 words of our own and the two oddities of the source."""
    letters = "abcdefghijklmno"
    words = ["bite", "food", *(f"w{first}{second}" for first in letters for second in letters)][:200]
    names = []
    for speaker in ("OAF", "YAF"):
        for emotion in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
            names += [f"{speaker}_{emotion}/{speaker}_{word}_{emotion}" for word in words]
    return [name.replace("/OAF_bite_neutral", "/OA_bite_neutral") for name in names]


def nemo_names(*speakers: str) -> list[str]:
    """Of the speakers, each with 90 sentences in each emotion."""
    emotions = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    return [f"samples/{who}_{emotion}_{k}" for who in speakers for emotion in emotions for k in range(1, 91)]


def cremad_names() -> list[str]:
    """Those of 7442: every sentence in every emotion, one of them at three levels."""
    names = []
    for emotion in _EMOTIONS:
        levels = ("XX",) if emotion == "NEU" else ("LO", "MD", "HI")
        of_emotion = [
            f"AudioWAV/{actor}_{sentence}_{emotion}_{level}"
            for sentence in SENTENCES
            for level in (levels if sentence == "IEO" else ("XX",))
            for actor in ACTORS
        ]
        names += of_emotion[_N_LACKING[emotion] :]
    return [name.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X") for name in names]
