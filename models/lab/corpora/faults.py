"""What is wrong with the files of a corpus, as distinct from their number: every file is opened."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Iterator, Sequence

import soundfile

from models.lab.corpora.container import digest, is_cut
from models.lab.corpora.corpus import Corpus, Utterance

N_NAMED = 5
"""How many files a complaint names; the rest are counted."""


@dataclass(frozen=True)
class _Look:
    """What one file is."""

    trouble: str
    """What is wrong with it and what to do; the other fields mean nothing unless this is empty."""
    rate_hz: int = 0
    n_channels: int = 0
    duration_s: float = 0.0
    digest: bytes = b""


def faults(corpus: Corpus, utterances: Sequence[Utterance]) -> list[str]:
    """A line for each kind of fault and what to do: empty, unreadable, cut, of another rate, in stereo, twice there.

    A file is opened once a process; one that has been written to since is opened again.
    """
    looks = {utterance.path: _look_at(utterance.path) for utterance in utterances}
    troubles: dict[str, list[Path]] = defaultdict(list)
    for path, look in looks.items():
        if look.trouble:
            troubles[look.trouble].append(path)
        elif look.duration_s < corpus.shortest_s:
            troubles[f"shorter than {corpus.shortest_s:g} s: cut perhaps, copy it again"].append(path)
    said = [f"{_files(paths)}: {trouble}" for trouble, paths in troubles.items()]
    sound = {path: look for path, look in looks.items() if not look.trouble}
    return [*said, *_odd_rates(corpus, sound), *_odd_channels(corpus, sound), *_copies(corpus, sound)]


def _odd_rates(corpus: Corpus, looks: dict[Path, _Look]) -> Iterator[str]:
    if not looks:
        return
    usual_hz = Counter(look.rate_hz for look in looks.values()).most_common(1)[0][0]
    odd: dict[int, list[Path]] = defaultdict(list)
    for path, look in looks.items():
        if look.rate_hz not in (usual_hz, corpus.odd_rates_hz.get(path.stem, usual_hz)):
            odd[look.rate_hz].append(path)
    for rate_hz, paths in sorted(odd.items()):
        yield f"{_files(paths)}: at {rate_hz} Hz, the others at {usual_hz} Hz: take all from one copy of the corpus"


def _odd_channels(corpus: Corpus, looks: dict[Path, _Look]) -> Iterator[str]:
    n_allowed = 2 if corpus.some_in_stereo else 1
    odd = [path for path, look in looks.items() if look.n_channels > n_allowed]
    if odd:
        yield f"{_files(odd)}: {looks[odd[0]].n_channels} channels instead of one: copy it again"


def _copies(corpus: Corpus, looks: dict[Path, _Look]) -> Iterator[str]:
    by_digest: dict[bytes, list[Path]] = defaultdict(list)
    for path, look in looks.items():
        by_digest[look.digest].append(path)
    for paths in by_digest.values():
        # what is there under one name in two places is complained of by name
        stems = {corpus.copies.get(path.stem, path.stem) if not corpus.ordered_by_path else str(path) for path in paths}
        if len(stems) > 1:
            yield f"{_files(paths)}: the same sound under different names: copy the wrong one again"


def named(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more


def _files(paths: Sequence[Path]) -> str:
    return named([f"{path.parent.name}/{path.name}" for path in paths])


def _look_at(path: Path) -> _Look:
    try:
        stat = path.stat()
    except OSError as trouble:
        return _Look(f"cannot be read ({trouble.strerror}): copy it again")
    return _look(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1 << 15)
def _look(path: Path, n_bytes: int, changed_ns: int) -> _Look:
    del changed_ns  # makes a changed file another one
    if n_bytes == 0:
        return _Look("empty, 0 bytes: copy it again")
    try:
        data = path.read_bytes()
    except OSError as trouble:
        return _Look(f"cannot be read ({trouble.strerror}): copy it again")
    if data.startswith(b"version https://git-lfs"):
        return _Look("a pointer of git lfs, no sound: run `git lfs pull`")
    if is_cut(data):
        return _Look("its end is missing: copy it again")
    try:
        with soundfile.SoundFile(path) as file:
            if file.format == "FLAC":  # whose header promises the whole sound: look whether the last sample is there
                file.seek(file.frames - 1)
                file.read(1)
            return _Look("", file.samplerate, file.channels, file.frames / file.samplerate, digest(data))
    except soundfile.LibsndfileError:
        return _Look("cannot be read as sound: copy it again")
