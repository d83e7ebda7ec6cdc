"""What a corpus is: where it lies, what a whole copy holds, and what is known to be odd about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import AbstractSet, Callable, Collection, Mapping

from models.lab.errors import LabError

OWN_LICENCE = "Apache-2.0"
"""Of weights trained on what binds them to no other."""
SUFFIXES = (".wav", ".flac", ".ogg", ".opus")


class NotAtHand(LabError):
    """The corpus's folder is not there: set AFFECTD_CORPORA."""


@dataclass(frozen=True)
class Utterance:
    """One labelled recording."""

    path: Path
    speaker: str
    label: str
    fold: str = ""
    """Its speaker-independent fold; empty: its speaker is a fold."""
    same_as: str = ""
    """The file, less its suffix, of the same speaker's recording that this one is a copy of; a split keeps both together."""


@dataclass(frozen=True)
class Corpus:
    """How a corpus lies on disk and what a whole copy of it holds."""

    name: str
    folder: str
    licence: str
    may_ship: bool
    """Whether weights trained on it may be given away."""
    weights_licence: str
    """Of weights trained on it."""
    n_by_label: Mapping[str, int]
    n_speakers: int
    speech: str
    """What is heard in it."""
    parse: Callable[[Path], tuple[str, str] | None]
    """Path -> (speaker, label), None for a file that does not belong to the corpus."""
    source: str = ""
    """Where to get it."""
    speakers: tuple[str, ...] = ()
    """All of them, where they are known; recordings of others do not belong to the corpus."""
    men: tuple[str, ...] | None = None
    """Which speakers are; the others are women. None: not known."""
    expected: Callable[[Collection[str]], AbstractSet[str]] | None = None
    """File names less suffix at hand -> those of a whole copy, where they follow a rule."""
    ordered_by_path: bool = False
    """Whether file names repeat, so that the folders must count in the order of the utterances, too."""
    fold_of: Mapping[str, str] = field(default_factory=dict)
    """Speaker -> speaker-independent fold; one that is not named is a fold alone."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """File names less suffix that are known to hold the same recording: copy -> original."""
    odd_rates_hz: Mapping[str, int] = field(default_factory=dict)
    """File names less suffix of recordings that are known to have another sample rate than the rest."""
    some_in_stereo: bool = False
    """Whether the original is known to hold a few recordings with two channels."""
    shortest_s: float = 0.05
    """Half of the shortest recording, roughly: what is shorter has been cut."""
