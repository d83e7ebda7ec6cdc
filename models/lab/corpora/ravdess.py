"""RAVDESS, the speech of its audio-only part (Livingstone & Russo, 2018)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Collection

from models.lab.corpora.corpus import Corpus

_LABELS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
ACTORS = tuple(f"{actor:02d}" for actor in range(1, 25))
# audio only, speech; emotion, intensity, statement, repetition, actor
_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-0[12]-0[12]-([0-9]{2})")

EMOBOX_FOLDS = {
    "emobox-1": ("01", "11", "20", "21"),
    "emobox-2": ("04", "10", "12", "14"),
    "emobox-3": ("08", "09", "19", "23"),
    "emobox-4": ("03", "05", "07", "24"),
    "emobox-5": ("02", "15", "16", "18"),
    "emobox-6": ("06", "13", "17", "22"),
}
"""The six folds of four actors that EmoBox (Ma et al., 2024) tests on."""


def _parse(path: Path) -> tuple[str, str] | None:
    # 03-01-05-02-01-01-12: emotion 05, strong, statement 1, first time, actor 12; neutral has no strong form
    found = _NAME.fullmatch(path.stem)
    if found is None or (found[1] == "01" and found[2] == "02"):
        return None
    return found[3], _LABELS[found[1]]


def _expected(at_hand: Collection[str]) -> frozenset[str]:
    del at_hand  # every name is known
    return frozenset(
        f"03-01-{emotion}-{intensity}-{statement}-{repetition}-{actor}"
        for emotion in _LABELS
        for intensity in ("01", "02")
        for statement in ("01", "02")
        for repetition in ("01", "02")
        for actor in ACTORS
        if (emotion, intensity) != ("01", "02")
    )


RAVDESS = Corpus(
    name="RAVDESS",
    folder="RAVDESS",
    licence="CC BY-NC-SA 4.0",
    may_ship=True,
    weights_licence="CC BY-NC-SA 4.0",
    n_by_label={label: 96 if label == "neutral" else 192 for label in sorted(_LABELS.values())},
    n_speakers=24,
    speech="two acted English sentences of 24 actors in a studio",
    parse=_parse,
    source="https://zenodo.org/records/1188976 (Audio_Speech_Actors_01-24.zip)",
    speakers=ACTORS,
    men=ACTORS[::2],
    expected=_expected,
    fold_of={actor: fold for fold, actors in EMOBOX_FOLDS.items() for actor in actors},
    # both count, as everybody counts 1440; of the two "repetitions" the second is the first again
    copies={"03-01-03-01-02-02-07": "03-01-03-01-02-01-07"},
    some_in_stereo=True,
    shortest_s=1.4,
)
