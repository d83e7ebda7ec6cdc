"""Which recordings are meant: those of a folder, or those that a list names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from daemon.cli.analyze import SOUNDS
from models.lab.archive.judge import Task
from models.lab.errors import LabError

FILES_A_TASK = 64
BYTES_A_TASK = 4_000_000
"""Of files; with the number above, a second or two of work: what a scheduler does for a task is little beside it."""


@dataclass(frozen=True)
class Listing:
    """Paths in the order of the result, each once."""

    source: Path
    paths: Sequence[str]
    """As they were named; a name that is not UTF-8 as `os.fsdecode` has it."""
    n_twice: int = 0
    """Further lines that named one of them again."""

    @property
    def sha256(self) -> str:
        """Of the paths, made absolute: the same for the same recordings in the same order."""
        joined = b"\0".join(os.fsencode(os.path.abspath(path)) for path in self.paths)
        return hashlib.sha256(joined).hexdigest()


def listed(source: Path) -> Listing:
    """The recordings under a folder, by their suffixes and in order, or the lines of a list.

    A list has a path a line (or each ended by NUL, as `find -print0` writes it), relative to the working directory. What is
    wrong with a path is found when it is judged. A folder that cannot be looked into is listed, too, so that nothing is
    missing in silence. Raises LabError where there is no such folder or list, or nothing in it.
    """
    if source.is_dir():
        paths = sorted(_under(source), key=os.fsencode)
        if not paths:
            raise LabError(f"{source}: no recordings in this folder ({', '.join(SOUNDS)})")
        return Listing(source, paths)
    if source.suffix.lower() in SOUNDS:
        raise LabError(f"{source}: want a folder, or a list of paths; one recording is judged by `affectd analyze`")
    lines = _lines(source)
    once = {os.path.abspath(line): line for line in reversed(lines)}
    if not once:
        raise LabError(f"{source}: names no recording: want a path a line")
    return Listing(source, [once[key] for key in dict.fromkeys(map(os.path.abspath, lines))], len(lines) - len(once))


def _under(folder: Path) -> Iterator[str]:
    shut: list[str] = []
    for place, _, names in os.walk(folder, onerror=lambda trouble: shut.append(os.fsdecode(trouble.filename))):
        yield from (os.path.join(place, name) for name in names if name.lower().endswith(SOUNDS))
    yield from shut


def _lines(source: Path) -> list[str]:
    try:
        content = source.read_bytes()
    except OSError as trouble:
        raise LabError(f"{source}: cannot be read ({trouble.strerror}): want a folder, or a list of paths") from trouble
    ended_by_nul = b"\0" in content
    lines = content.split(b"\0") if ended_by_nul else (line.rstrip(b"\r") for line in content.split(b"\n"))
    return [os.fsdecode(line) for line in lines if line.strip()]


def tasks(paths: Sequence[str], missing: Iterable[int]) -> Iterator[Task]:
    """The rows that are missing, by the handful: the longer the recordings, the fewer."""
    rows: list[int] = []
    n_bytes = 0
    for row in missing:
        size = _size(paths[row])
        if rows and (len(rows) == FILES_A_TASK or n_bytes + size > BYTES_A_TASK):
            yield _task(paths, rows)
            rows, n_bytes = [], 0
        rows.append(row)
        n_bytes += size
    if rows:
        yield _task(paths, rows)


def _task(paths: Sequence[str], rows: Sequence[int]) -> Task:
    return Task(tuple(rows), tuple(os.fsencode(os.path.abspath(paths[row])) for row in rows))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):  # whoever judges it says what is wrong
        return 0
