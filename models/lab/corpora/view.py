"""A view: chosen labels of one or several corpora under one name, used like a corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Callable, Mapping

from models.lab.corpora.corpus import OWN_LICENCE, Corpus, Utterance


@dataclass(frozen=True)
class Part:
    """What a view takes of a corpus."""

    corpus: Corpus
    labels: Mapping[str, str]
    """The corpus's label -> the view's; recordings of a label that is not named are left out."""


def have_in_common(one: Corpus | View, other: Corpus | View) -> bool:
    """Whether a recording of one may be one of the other's."""
    return bool(_folders(one) & _folders(other))


def _folders(source: Corpus | View) -> set[str]:
    return {part.corpus.folder for part in source.parts} if isinstance(source, View) else {source.folder}


@dataclass(frozen=True)
class View:
    """Parts under one name. It has what a recipe, a card and a split ask of a corpus."""

    name: str
    parts: tuple[Part, ...]
    fold_of: Callable[[Corpus, str], str] | None = None
    """(corpus, speaker) -> speaker-independent fold; without it the corpora's own folds stand."""

    @property
    def n_by_label(self) -> Mapping[str, int]:
        """What a whole copy of every part holds."""
        counts: Counter[str] = Counter()
        for part in self.parts:
            for label, seen_as in part.labels.items():
                counts[seen_as] += part.corpus.n_by_label[label]
        return dict(sorted(counts.items()))

    @property
    def n_speakers(self) -> int:
        """Of all parts."""
        return sum(part.corpus.n_speakers for part in self.parts)

    @property
    def licence(self) -> str:
        """Of each part."""
        return "; ".join(f"{part.corpus.name}: {part.corpus.licence}" for part in self.parts)

    @property
    def may_ship(self) -> bool:
        """Only when every part permits it."""
        return all(part.corpus.may_ship for part in self.parts)

    @property
    def weights_licence(self) -> str:
        """The parts' licences, of which each one binds; ours stands where no other does."""
        if not self.may_ship:
            return "none: not to be given away"
        binding = {part.corpus.weights_licence for part in self.parts}
        return " and ".join(sorted(binding - {OWN_LICENCE} or {OWN_LICENCE}))

    @property
    def speech(self) -> str:
        """What is heard in it."""
        return "; ".join(part.corpus.speech for part in self.parts)

    def seen(self, part: Part, utterance: Utterance) -> Utterance | None:
        """A part's utterance as the view has it, None if it is left out.

        Where there are several parts a speaker is called by the corpus, too: two corpora may both have a speaker 03.
        """
        if utterance.label not in part.labels:
            return None
        fold = utterance.fold
        if self.fold_of is not None:
            fold = self.fold_of(part.corpus, utterance.speaker)
        if len(self.parts) == 1:
            return replace(utterance, label=part.labels[utterance.label], fold=fold)
        named = f"{part.corpus.name}-{utterance.speaker}"
        if fold and self.fold_of is None:
            fold = f"{part.corpus.name}-{fold}"
        return replace(utterance, label=part.labels[utterance.label], speaker=named, fold=fold)
