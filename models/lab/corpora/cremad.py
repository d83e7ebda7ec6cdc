"""CREMA-D, the crowd-sourced emotional multimodal actors dataset (Cao et al., 2014): its folder AudioWAV."""

from __future__ import annotations

import re
from pathlib import Path

from models.lab.corpora.corpus import Corpus

_LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
ACTORS = tuple(str(actor) for actor in range(1001, 1092))
# the level is low, medium, high or not said; one file at the source says X for XX
_NAME = re.compile(rf"(1[0-9]{{3}})_({'|'.join(SENTENCES)})_({'|'.join(_LABELS)})_(LO|MD|HI|XX?)")


def _parse(path: Path) -> tuple[str, str] | None:
    # 1001_DFA_ANG_XX: actor, sentence, emotion, level
    found = _NAME.fullmatch(path.stem)
    return None if found is None else (found[1], _LABELS[found[3]])


CREMAD = Corpus(
    name="CREMA-D",
    folder="CREMA-D",
    licence="ODbL 1.0",
    may_ship=False,  # nobody has looked into what a share-alike licence for databases asks of weights
    weights_licence="none: not to be given away",
    n_by_label={label: 1087 if label == "neutral" else 1271 for label in sorted(_LABELS.values())},
    n_speakers=91,
    speech="12 acted English sentences of 91 actors",
    parse=_parse,
    source="https://github.com/CheyneyComputerScience/CREMA-D (AudioWAV, with git lfs)",
    speakers=ACTORS,
    shortest_s=0.6,
)
