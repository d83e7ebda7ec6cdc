"""The views that the papers train on, and the one that the model which ships is trained on."""

from __future__ import annotations

from models.lab.corpora.corpus import Corpus
from models.lab.corpora.cremad import CREMAD
from models.lab.corpora.emodb import EMODB
from models.lab.corpora.nemo import NEMO_7
from models.lab.corpora.ravdess import RAVDESS
from models.lab.corpora.tess import TESS
from models.lab.corpora.view import Part, View

_SIX = {label: label for label in ("anger", "disgust", "fear", "happiness", "neutral", "sadness")}


def _sixth(corpus: Corpus, speaker: str) -> str:
    """Six folds: RAVDESS by its own, the speakers of the others dealt in turn."""
    if speaker in corpus.fold_of:
        return f"{corpus.fold_of[speaker].rsplit('-', 1)[1]}-of-6"
    return f"{corpus.speakers.index(speaker) % 6 + 1}-of-6"


RAVDESS_AS_7 = View(
    "RAVDESS-7",
    (Part(RAVDESS, {**{label: label for label in sorted(RAVDESS.n_by_label)}, "calm": "neutral"}),),
)
"""Paper 5's seven classes: calm counts as neutral, which makes 288 of it, as its figure 1 says."""

TESS_CREMAD_RAVDESS = View(
    "TESS+CREMA-D+RAVDESS",
    (Part(TESS, _SIX), Part(CREMAD, _SIX), Part(RAVDESS, _SIX)),
    _sixth,
)
"""Paper 4's six classes: calm and surprise are left out, which makes its 10898 files."""

TESS_RAVDESS = View("TESS+RAVDESS", (Part(TESS, _SIX), Part(RAVDESS, _SIX)), _sixth)
"""Paper 4's, less CREMA-D: what of it is left for one who has no copy of that."""

EMODB_RAVDESS_NEMO = View(
    "EMO-DB+RAVDESS+nEMO-7",
    (
        Part(EMODB, {label: label for label in sorted(EMODB.n_by_label) if label != "boredom"}),
        RAVDESS_AS_7.parts[0],
        Part(NEMO_7, {label: label for label in sorted(NEMO_7.n_by_label)}),
    ),
    _sixth,
)
"""Three languages, seven labels: what AffectNet is trained on to ship. EMO-DB's boredom, which the others lack, is left out."""
