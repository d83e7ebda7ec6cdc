"""A generated corpus, small and easy: each label has its own tone. And a recipe for it that trains in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from dsp.params import FrontEndParams
from models.lab.corpora import EMODB, Corpus
from models.lab.recipe import Recipe

SPEAKERS = ("03", "08", "09")
INITIALS = {"W": "anger", "N": "neutral", "T": "sadness"}
PITCHES_HZ = {"W": 400.0, "N": 1500.0, "T": 4000.0}
TAKES = "ab"

CORPUS = Corpus(
    name="TINY",
    folder="TINY",
    licence="CC0 1.0",
    may_ship=True,
    weights_licence="Apache-2.0",
    n_by_label={label: len(SPEAKERS) * len(TAKES) for label in INITIALS.values()},
    n_speakers=len(SPEAKERS),
    speech="no speech: tones",
    parse=EMODB.parse,
)

RECIPE = Recipe(
    name="tiny",
    corpus=CORPUS,
    network="cl",
    front_end=FrontEndParams(n_bands=16, n_mels=20),
    window_frames=16,
    stride_frames=8,
    epochs=4,
    batch=5,
    learning_rate=1e-3,
    dropout=0.2,
    trim_db=40.0,
    bf16=False,
    source="made up for the tests",
)


def write_corpus(root: Path) -> Path:
    """The corpus under `root`, named as EMO-DB names its files; gives its folder."""
    folder = root / CORPUS.folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for initial, pitch_hz in PITCHES_HZ.items():
            for take in TAKES:
                n_samples = int(rng.integers(2000, 12000))
                tone = np.sin(2 * np.pi * pitch_hz * np.arange(n_samples) / 16000)
                sound = 0.3 * tone + 0.01 * rng.standard_normal(n_samples)
                soundfile.write(folder / f"{speaker}a01{initial}{take}.wav", sound, 16000, subtype="PCM_16")
    return folder
