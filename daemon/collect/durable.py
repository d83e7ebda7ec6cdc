"""A file that is there whole or not at all, whatever happens, and that has outlived a power cut once `write` has returned."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO, Callable

from daemon.durable import sync_folder

UNFINISHED = ".unfinished"
"""Below the archive: what is being written. Nobody reads there."""
STALE_S = 3600.0
"""So old a file there was left by a process that was killed."""


class Files:
    """Of one archive, into which several processes may write."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises OSError."""
        self.folder = folder
        self._unfinished = folder / UNFINISHED
        self._unfinished.mkdir(parents=True, exist_ok=True)
        self._known: set[Path] = set()

    def write(self, target: Path, fill: Callable[[IO[bytes]], object]) -> None:
        """`target`: below the folder. Raises OSError, and then there is no such file."""
        self._make(target.parent)
        draft = self._unfinished / uuid.uuid4().hex
        try:
            with draft.open("xb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        sync_folder(target.parent)

    def sweep(self) -> int:
        """Remove what was left by who was killed; how many files that were."""
        n_removed = 0
        for draft in self._unfinished.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime >= STALE_S:
                    draft.unlink()
                    n_removed += 1
        return n_removed

    def _make(self, folder: Path) -> None:
        """A folder, its name on the disk, too."""
        if folder in self._known and folder.is_dir():
            return
        if folder != self.folder:
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)
        self._known.add(folder)
