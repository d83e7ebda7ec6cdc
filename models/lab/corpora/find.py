"""Corpora on disk: found, counted, and refused when they are not whole."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, Sequence

from models.lab.corpora.corpus import SUFFIXES, Corpus, NotAtHand, Utterance
from models.lab.corpora.faults import faults, named
from models.lab.corpora.view import View
from models.lab.errors import LabError


def corpora_root() -> Path:
    """Where the corpora are: the variable AFFECTD_CORPORA, else `corpora/` in the working directory."""
    return Path(os.environ.get("AFFECTD_CORPORA") or "corpora")


def find(source: Corpus | View, root: Path) -> list[Utterance]:
    """The utterances in the order of their file names; a view's corpus after corpus.

    Raises NotAtHand when a folder is not there.
    """
    if isinstance(source, View):
        return _seen(source, [find(part.corpus, root) for part in source.parts])
    utterances = []
    for path in _sound_files(source, root):
        parsed = _parsed(source, path)
        if parsed is not None:
            speaker, label = parsed
            fold, same_as = source.fold_of.get(speaker, ""), source.copies.get(path.stem, "")
            utterances.append(Utterance(path, speaker, label, fold, same_as))
    return utterances


def examine(source: Corpus | View, root: Path) -> tuple[list[Utterance], list[str]]:
    """The utterances, and every complaint about them: their number, their names, and what is in the files.

    Raises NotAtHand when a folder is not there.
    """
    if isinstance(source, View):
        examined = [examine(part.corpus, root) for part in source.parts]
        said = [f"{part.corpus.name}: {line}" for part, (_, lines) in zip(source.parts, examined) for line in lines]
        return _seen(source, [utterances for utterances, _ in examined]), said
    utterances = find(source, root)
    said = complaints(source, utterances)
    if any("missing" in line for line in said):
        strangers = [path.name for path in _sound_files(source, root) if source.parse(path) is None]
        if strangers:
            said.append(f"not named as the corpus names its files: {named(strangers)}; if one of the missing, rename it")
    return utterances, [*said, *faults(source, utterances)]


def whole(source: Corpus | View, root: Path) -> list[Utterance]:
    """As `find`, but only a whole corpus will do: a score on half of one means nothing. Raises LabError."""
    if isinstance(source, View):
        for part in source.parts:  # say what is not at hand before the files of what is are opened
            _folder(part.corpus, root)
        return _seen(source, [whole(part.corpus, root) for part in source.parts])
    utterances, said = examine(source, root)
    if said:
        get = f"; get what lacks from {source.source}" if source.source else ""
        raise LabError(f"{source.name} in {root / source.folder} is not whole: {'; '.join(said)}{get}")
    return utterances


def complaints(corpus: Corpus, utterances: Sequence[Utterance]) -> list[str]:
    """What a whole copy of the corpus has and this one lacks, or the reverse, by the names alone; empty when all is there."""
    found = Counter(utterance.label for utterance in utterances)
    lacking = _lacking(corpus, utterances)
    said = []
    for label, want in corpus.n_by_label.items():
        if found[label] < want:
            which = [stem for stem in lacking if _label(corpus, stem) == label]
            said.append(f"{label}: missing {want - found[label]} of {want}" + (f" ({named(which)})" if which else ""))
        elif found[label] > want:
            said.append(f"{label}: surplus {found[label] - want} of {want}")
    said += _about_speakers(corpus, utterances)
    doubles = [stem for stem, n in Counter(_identity(u) for u in utterances).items() if n > 1]
    if doubles:
        said.append(f"twice there: {named(doubles)}")
    return said


def _folder(corpus: Corpus, root: Path) -> Path:
    folder = root / corpus.folder
    if not folder.is_dir():
        raise NotAtHand(
            f"{corpus.name}: no folder {folder}; set AFFECTD_CORPORA to the folder that holds {corpus.folder}/, "
            "or put it under corpora/"
        )
    return folder


def _sound_files(corpus: Corpus, root: Path) -> list[Path]:
    folder = _folder(corpus, root)
    # a name with a dot before it is a note that some system keeps about the file
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))

    def order(path: Path) -> Any:
        return path if corpus.ordered_by_path else (path.stem, path)

    return sorted(files, key=order)


def _parsed(corpus: Corpus, path: Path) -> tuple[str, str] | None:
    parsed = corpus.parse(path)
    if parsed is None or (corpus.speakers and parsed[0] not in corpus.speakers):
        return None
    return parsed


def _seen(view: View, found: Sequence[Sequence[Utterance]]) -> list[Utterance]:
    seen = (view.seen(part, utterance) for part, utterances in zip(view.parts, found) for utterance in utterances)
    return [utterance for utterance in seen if utterance is not None]


def _lacking(corpus: Corpus, utterances: Sequence[Utterance]) -> list[str]:
    if corpus.expected is None:
        return []
    at_hand = {utterance.path.stem for utterance in utterances}
    return sorted(corpus.expected(at_hand) - at_hand)


def _label(corpus: Corpus, stem: str) -> str:
    parsed = corpus.parse(Path(stem))
    return parsed[1] if parsed else ""


def _about_speakers(corpus: Corpus, utterances: Sequence[Utterance]) -> Iterator[str]:
    speakers = sorted({utterance.speaker for utterance in utterances})
    if corpus.speakers:
        absent = [speaker for speaker in corpus.speakers if speaker not in speakers]
        if absent:
            yield f"speakers: missing {named(absent)}"
    elif len(speakers) != corpus.n_speakers:
        yield f"speakers: {len(speakers)} instead of {corpus.n_speakers} ({', '.join(speakers)})"


def _identity(utterance: Utterance) -> str:
    return f"{utterance.speaker}/{utterance.label}/{utterance.path.stem}"
