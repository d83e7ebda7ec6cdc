"""Which sources are switched off, kept across restarts in the state folder."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Sequence

from daemon.durable import write_whole

logger = logging.getLogger(__name__)

NAME = "listening.json"
SCHEMA = "affectd/listening/1"
MOST_BYTES = 1_000_000


class SwitchFile:
    """Holds the names of what is off. There is no file while nothing is: one that cannot be read means that something was."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        """Reads the file. While it is damaged all sources are off: rather nothing is heard than what was not to be."""
        self._path = folder / NAME
        self._lock = threading.Lock()
        try:
            self._off = _read(self._path)
        except FileNotFoundError:
            self._off = set()
        except (OSError, ValueError) as trouble:
            # the damaged file stays until a switch writes it anew: a second restart must not hear again either
            self._off = set(sources)
            why = (trouble.strerror if isinstance(trouble, OSError) else str(trouble)) or type(trouble).__name__
            logger.warning("%s: %s: no source listens until it is switched on by a command", self._path, why)

    def is_on(self, source: str) -> bool:
        """False where it was switched off, be it before the restart."""
        return source not in self._off

    def turn(self, source: str, on: bool) -> None:
        """Keep it. What cannot be written is said in a line, and holds until the restart."""
        with self._lock:
            self._off = self._off - {source} if on else self._off | {source}
            try:
                if self._off:
                    write_whole(self._path, json.dumps({"schema": SCHEMA, "off": sorted(self._off)}) + "\n")
                else:
                    with suppress(FileNotFoundError):
                        self._path.unlink()
            except OSError as trouble:
                logger.warning("%s cannot be written: %s: a restart forgets the switch", self._path, trouble.strerror)


def _read(path: Path) -> set[str]:
    """Raises ValueError for what is no such file, and OSError."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("far too large for names of sources")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        off = content["off"]
        if content["schema"] != SCHEMA or not isinstance(off, list) or not all(isinstance(name, str) for name in off):
            raise ValueError(f"its schema is not {SCHEMA}")
    except (KeyError, TypeError, RecursionError, UnicodeError, json.JSONDecodeError) as trouble:
        raise ValueError("damaged, or not a file of what is switched off") from trouble
    return set(off)
