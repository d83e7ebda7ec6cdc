"""CASIA's Chinese emotional corpus, the 1200 utterances of 50 texts that are in circulation."""

from __future__ import annotations

from pathlib import Path

from models.lab.corpora.corpus import Corpus


def _parse(path: Path) -> tuple[str, str] | None:
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


CASIA = Corpus(
    name="CASIA",
    folder="CASIA",
    licence="none that permits redistribution",
    may_ship=False,
    weights_licence="none: not to be given away",
    n_by_label={"anger": 200, "fear": 200, "happiness": 200, "neutral": 200, "sadness": 200, "surprise": 200},
    n_speakers=4,
    speech="acted Mandarin sentences of 4 actors in a studio",
    parse=_parse,
    source="the Institute of Automation, Chinese Academy of Sciences",
    ordered_by_path=True,
    shortest_s=0.4,
)
