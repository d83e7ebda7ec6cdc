"""nEMO, acted Polish (Christop, 2024): all nine speakers, and the seven of whom every copy has the recordings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from models.lab.corpora.corpus import Corpus

_NAME = re.compile(r"([A-Z]{2}[0-9])_(anger|fear|happiness|neutral|sadness|surprised)_([1-9][0-9]?)")


def _parse(path: Path) -> tuple[str, str] | None:
    # EB0_surprised_12: speaker, emotion, sentence
    found = _NAME.fullmatch(path.stem)
    if found is None or int(found[3]) > 90:
        return None
    return found[1], "surprise" if found[2] == "surprised" else found[2]


NEMO = Corpus(
    name="nEMO",
    folder="nEMO",
    licence="CC BY-NC-SA 4.0",
    may_ship=True,
    weights_licence="CC BY-NC-SA 4.0",
    n_by_label={"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprise": 669},
    n_speakers=9,
    speech="acted Polish sentences of 9 actors in a studio",
    parse=_parse,
    source="https://github.com/amu-cai/nEMO, or do with nEMO-7",
    speakers=("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0"),
    shortest_s=0.4,
)
NEMO_7 = replace(
    NEMO,
    name="nEMO-7",
    n_by_label={"anger": 569, "fear": 556, "happiness": 569, "neutral": 629, "sadness": 589, "surprise": 580},
    n_speakers=7,
    speech="acted Polish sentences of 7 actors in a studio",
    speakers=("EB0", "IC0", "KD0", "KS0", "MP0", "SM0", "WR0"),
    men=("KS0", "MP0", "SM0", "WR0"),
)
"""Without MK0 and TP0: the same recordings, and so the same scores, from a copy that lacks these two and from a full one."""
