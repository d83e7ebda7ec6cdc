"""TESS, the Toronto emotional speech set (Pichora-Fuller & Dupuis, 2020)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Collection

from models.lab.corpora.corpus import Corpus

_LABELS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",  # pleasant surprise
    "sad": "sadness",
}
# the older and the younger actress; OA_bite_neutral is so misspelt at its source
_NAME = re.compile(r"(OAF|YAF|OA)_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)")
_MISSPELT = "OA_bite_neutral"


def _parse(path: Path) -> tuple[str, str] | None:
    # OAF_back_angry: speaker, word, emotion; folders are called otherwise by everybody
    found = _NAME.fullmatch(path.stem)
    if found is None or (found[1] == "OA" and path.stem != _MISSPELT):
        return None
    return "OAF" if found[1] == "OA" else found[1], _LABELS[found[3]]


def _expected(at_hand: Collection[str]) -> frozenset[str]:
    # the same 200 words in every emotion of both, so that a word that is missing once is heard elsewhere
    words = {found[2] for found in map(_NAME.fullmatch, at_hand) if found}
    names = {f"{speaker}_{word}_{emotion}" for speaker in ("OAF", "YAF") for word in words for emotion in _LABELS}
    if _MISSPELT in at_hand:
        names = (names - {"OAF_bite_neutral"}) | {_MISSPELT}
    return frozenset(names)


TESS = Corpus(
    name="TESS",
    folder="TESS",
    licence="CC BY-NC-ND 4.0",
    may_ship=False,
    weights_licence="none: not to be given away",
    n_by_label=dict.fromkeys(sorted(_LABELS.values()), 400),
    n_speakers=2,
    speech="one acted English carrier phrase with 200 words, by 2 actresses in a studio",
    parse=_parse,
    source="https://doi.org/10.5683/SP2/E8H2MF",
    speakers=("OAF", "YAF"),
    expected=_expected,
    odd_rates_hz={"OAF_food_fear": 96000},
    shortest_s=0.6,
)
