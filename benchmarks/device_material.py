"""The sentences of paper 1's table 5: twenty of each emotion, in a folder that can be carried to the board."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from daemon.demo.demo import RECORDING

A_LABEL, SHORT_SENTENCES = 20, 8
RATE_HZ = 16000
NAMED = re.compile(r"([a-z]+)-\d+")


@dataclass(frozen=True)
class Sentence:
    """One of them."""

    samples: NDArray[np.float32]
    label: str
    """Empty: nobody knows."""


def material(folder: Path | None, short: bool) -> list[Sentence]:
    """Of the folder; made there from EMO-DB where it is missing. Without a folder and without the corpus: pieces of the bundled
    recording, whose label nobody knows. Exits where neither can be had.
    """
    if folder is None:
        if short or find_spec("torch") is None or not _corpus().is_dir():
            return _bundled()
        with tempfile.TemporaryDirectory(prefix="affectd-sentences-") as name:
            return material(Path(name), short)
    if not any(folder.glob("*.flac")):
        _make(folder)
    files = sorted(folder.glob("*.flac"))
    step = 1 + len(files) // SHORT_SENTENCES if short else 1
    return [Sentence(*_read(path)) for path in files[::step]]


def _corpus() -> Path:
    from models.lab import corpora

    return corpora.corpora_root() / corpora.EMODB.folder


def _bundled() -> list[Sentence]:
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    length = 3 * rate_hz
    return [Sentence(samples[at : at + length], "") for at in range(0, len(samples) - length, length)]


def _read(path: Path) -> tuple[NDArray[np.float32], str]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    named = NAMED.fullmatch(path.stem)
    if rate_hz != RATE_HZ or named is None:
        raise SystemExit(f"device: {path}: want files of {RATE_HZ} Hz called LABEL-NUMBER.flac: make the folder again")
    return samples, named.group(1)


def _make(folder: Path) -> None:
    """Drawn by label, the same each time."""
    if find_spec("torch") is None:
        raise SystemExit(f"device: {folder} holds no sentences, and the lab is not here to make them: copy it from the desktop")
    from models.lab import corpora

    utterances = corpora.find(corpora.EMODB, corpora.corpora_root())
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for label in sorted({one.label for one in utterances}):
        of_label = [one for one in utterances if one.label == label]
        for number, k in enumerate(sorted(rng.permutation(len(of_label))[:A_LABEL])):
            soundfile.write(folder / f"{label}-{number:02}.flac", corpora.read_pcm(of_label[k].path, RATE_HZ), RATE_HZ)
