"""Corpora of emotional speech: found, counted, and read. They are never part of this repository."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.lab.errors import LabError

SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class Utterance:
    """One labelled recording."""

    path: Path
    speaker: str
    label: str


@dataclass(frozen=True)
class Corpus:
    """How a corpus lies on disk and what a whole copy of it holds."""

    name: str
    folder: str
    licence: str
    may_ship: bool
    """Whether weights trained on it may be given away."""
    weights_licence: str
    """Of weights trained on it."""
    n_by_label: Mapping[str, int]
    n_speakers: int
    speech: str
    """What is heard in it."""
    parse: Callable[[Path], tuple[str, str] | None]
    """Path -> (speaker, label), None for a file that does not belong to the corpus."""


def _parse_emodb(path: Path) -> tuple[str, str] | None:
    # 03a01Fa: speaker 03, text a01, emotion F (German initials), version a
    labels = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral", "T": "sadness"}
    stem = path.stem
    if len(stem) != 7 or not stem[:2].isdigit() or stem[5] not in labels:
        return None
    return stem[:2], labels[stem[5]]


def _parse_casia(path: Path) -> tuple[str, str] | None:
    # speaker/emotion/number
    labels = {
        "angry": "anger",
        "fear": "fear",
        "happy": "happiness",
        "neutral": "neutral",
        "sad": "sadness",
        "surprise": "surprise",
    }
    if path.parent.name not in labels or not path.stem.isdigit():
        return None
    return path.parent.parent.name, labels[path.parent.name]


EMODB = Corpus(
    name="EMO-DB",
    folder="EMO-DB",
    licence="CC0 1.0",
    may_ship=True,
    weights_licence="Apache-2.0",
    n_by_label={"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62},
    n_speakers=10,
    speech="acted German sentences of 10 actors in a studio",
    parse=_parse_emodb,
)
CASIA = Corpus(
    name="CASIA",
    folder="CASIA",
    licence="none that permits redistribution",
    may_ship=False,
    weights_licence="none: not to be given away",
    n_by_label={"anger": 200, "fear": 200, "happiness": 200, "neutral": 200, "sadness": 200, "surprise": 200},
    n_speakers=4,
    speech="acted Mandarin sentences of 4 actors in a studio",
    parse=_parse_casia,
)
CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (EMODB, CASIA)}


def corpora_root() -> Path:
    """Where the corpora are: the variable AFFECTD_CORPORA, else `corpora/` in the working directory."""
    return Path(os.environ.get("AFFECTD_CORPORA") or "corpora")


def find(corpus: Corpus, root: Path) -> list[Utterance]:
    """The corpus's utterances in the order of their names. Raises LabError when the folder is not there."""
    folder = root / corpus.folder
    if not folder.is_dir():
        raise LabError(
            f"{corpus.name}: no folder {folder}; set AFFECTD_CORPORA to the folder that holds {corpus.folder}/, "
            "or put it under corpora/"
        )
    utterances = []
    for path in sorted(folder.rglob("*")):
        parsed = corpus.parse(path) if path.suffix.lower() in SUFFIXES else None
        if parsed is not None:
            utterances.append(Utterance(path, *parsed))
    return utterances


def complaints(corpus: Corpus, utterances: list[Utterance]) -> list[str]:
    """What a whole copy of the corpus has and this one lacks, or the reverse; empty when all is there."""
    found = Counter(utterance.label for utterance in utterances)
    said = [
        f"{label}: {'missing' if found[label] < want else 'surplus'} {abs(want - found[label])} of {want}"
        for label, want in corpus.n_by_label.items()
        if found[label] != want
    ]
    speakers = sorted({utterance.speaker for utterance in utterances})
    if len(speakers) != corpus.n_speakers:
        said.append(f"speakers: {len(speakers)} instead of {corpus.n_speakers} ({', '.join(speakers)})")
    doubles = [stem for stem, n in Counter(_identity(u) for u in utterances).items() if n > 1]
    if doubles:
        said.append(f"twice there: {', '.join(doubles[:5])}{' ...' if len(doubles) > 5 else ''}")
    return said


def _identity(utterance: Utterance) -> str:
    return f"{utterance.speaker}/{utterance.label}/{utterance.path.stem}"


def whole(corpus: Corpus, root: Path) -> list[Utterance]:
    """As `find`, but only a whole corpus will do: a score on half of one means nothing. Raises LabError."""
    utterances = find(corpus, root)
    said = complaints(corpus, utterances)
    if said:
        raise LabError(f"{corpus.name} in {root / corpus.folder} is not whole: {'; '.join(said)}")
    return utterances


def read_pcm(path: Path, sample_rate_hz: int) -> NDArray[np.int16]:
    """The recording as (n,) int16. Raises LabError unless it is mono at `sample_rate_hz`."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as trouble:
        raise LabError(f"{path}: cannot be read ({trouble})") from trouble
    if rate_hz != sample_rate_hz or samples.shape[1] != 1:
        raise LabError(f"{path}: want mono at {sample_rate_hz} Hz, got {samples.shape[1]} channels at {rate_hz} Hz")
    return np.ascontiguousarray(samples[:, 0])
