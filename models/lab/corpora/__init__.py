"""Corpora of emotional speech: found, counted, and read. They are never part of this repository."""

from __future__ import annotations

from models.lab.corpora.casia import CASIA
from models.lab.corpora.corpus import SUFFIXES, Corpus, NotAtHand, Utterance
from models.lab.corpora.cremad import CREMAD
from models.lab.corpora.emodb import EMODB
from models.lab.corpora.faults import faults
from models.lab.corpora.find import complaints, corpora_root, examine, find, whole
from models.lab.corpora.nemo import NEMO, NEMO_7
from models.lab.corpora.pcm import read_pcm
from models.lab.corpora.ravdess import RAVDESS
from models.lab.corpora.tess import TESS
from models.lab.corpora.view import Part, View, have_in_common
from models.lab.corpora.views import EMODB_RAVDESS_NEMO, RAVDESS_AS_7, TESS_CREMAD_RAVDESS, TESS_RAVDESS

CORPORA: dict[str, Corpus] = {c.name: c for c in (EMODB, CASIA, RAVDESS, TESS, NEMO_7, NEMO, CREMAD)}
VIEWS: dict[str, View] = {v.name: v for v in (RAVDESS_AS_7, TESS_CREMAD_RAVDESS, TESS_RAVDESS, EMODB_RAVDESS_NEMO)}


def by_name(name: str) -> Corpus | View | None:
    """The corpus or view of that name, None if there is none."""
    return CORPORA.get(name) or VIEWS.get(name)


__all__ = [
    "CASIA",
    "CORPORA",
    "CREMAD",
    "EMODB",
    "EMODB_RAVDESS_NEMO",
    "NEMO",
    "NEMO_7",
    "RAVDESS",
    "RAVDESS_AS_7",
    "SUFFIXES",
    "TESS",
    "TESS_CREMAD_RAVDESS",
    "TESS_RAVDESS",
    "VIEWS",
    "Corpus",
    "NotAtHand",
    "Part",
    "Utterance",
    "View",
    "by_name",
    "complaints",
    "corpora_root",
    "examine",
    "faults",
    "find",
    "have_in_common",
    "read_pcm",
    "whole",
]
