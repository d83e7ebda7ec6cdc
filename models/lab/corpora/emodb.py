"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al., 2005)."""

from __future__ import annotations

from pathlib import Path

from models.lab.corpora.corpus import OWN_LICENCE, Corpus


def _parse(path: Path) -> tuple[str, str] | None:
    # 03a01Fa: speaker 03, text a01, emotion F (German initials), version a
    labels = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral", "T": "sadness"}
    stem = path.stem
    if len(stem) != 7 or not stem[:2].isdigit() or stem[5] not in labels:
        return None
    return stem[:2], labels[stem[5]]


EMODB = Corpus(
    name="EMO-DB",
    folder="EMO-DB",
    licence="CC0 1.0",
    may_ship=True,
    weights_licence=OWN_LICENCE,
    n_by_label={"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62},
    n_speakers=10,
    speech="acted German sentences of 10 actors in a studio",
    parse=_parse,
    source="http://emodb.bilderbar.info",
    men=("03", "10", "11", "12", "15"),
    speakers=("03", "08", "09", "10", "11", "12", "13", "14", "15", "16"),
    shortest_s=0.6,
)
