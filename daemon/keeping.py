"""What the seats know, kept across restarts in one file: means and counts, no sound, no labels."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.acquaintance import Acquaintance
from daemon.durable import write_whole
from daemon.errors import SettingsError
from models.adaptation import Running

logger = logging.getLogger(__name__)

SCHEMA = "affectd/acquaintance/1"
EVERY_S = 300.0
MOST_BYTES = 10_000_000
"""Many times what a vehicle full of seats needs: a larger file is not ours."""


def require_place(keep: str) -> None:
    """Raises SettingsError where the setting names no file that could be written."""
    folder = os.path.dirname(keep) or "."
    if keep and not os.path.isdir(folder):
        raise SettingsError(f"[seat] keep is {keep!r}: there is no folder {folder}: make it, or leave keep empty")
    if os.path.exists(keep) and not os.path.isfile(keep):
        raise SettingsError(f"[seat] keep is {keep!r}: that is no file: name another")


class Keeper:
    """Reads the file once, and writes it whole or not at all. Any thread may call it."""

    def __init__(self, path: Path, sha256: str, seats: Mapping[str, Acquaintance]) -> None:
        """`sha256`: of the model, whose front end measured it all. `seats`: by the names of their sources."""
        self._path = path
        self._sha256 = sha256
        self._seats = seats
        self._lock = threading.Lock()
        self._written = ""
        self._last_ns: int | None = None
        self._failed = False

    def restore(self) -> None:
        """Let the seats know what they knew. A file that is none of this model's is put aside, and said so in a line."""
        try:
            found = _read(self._path, self._sha256)
            both = sorted(found.keys() & self._seats.keys())
            memories = {name: self._seats[name].recalled(found[name]) for name in both}
        except FileNotFoundError:
            return
        except (OSError, ValueError) as trouble:
            self._put_aside(trouble)
            return
        for name, memory in memories.items():
            self._seats[name].memory = memory
        known = ", ".join(f"{name} {seat.n_utterances}" for name, seat in self._seats.items())
        logger.info("%s: utterances known from before: %s", self._path, known)
        self._written = self._text()

    def keep_now_and_then(self, now_ns: int) -> None:
        """Write if the last time was EVERY_S ago; the first call only starts to count."""
        if self._last_ns is None:
            self._last_ns = now_ns
        if (now_ns - self._last_ns) / 1e9 >= EVERY_S:
            self._last_ns = now_ns
            self.keep()

    def keep(self) -> None:
        """Write, if there is anything new. What cannot be written is said once, and tried again the next time."""
        with self._lock:
            text = self._text()
            if text == self._written:
                return
            try:
                write_whole(self._path, text)
            except OSError as trouble:
                if not self._failed:
                    logger.warning("%s cannot be written: %s: what is known is in memory only", self._path, trouble.strerror)
                self._failed = True
                return
            self._written, self._failed = text, False

    def _text(self) -> str:
        kept = {name: seat.worth_keeping() for name, seat in self._seats.items()}
        seats = {name: _as_table(of_one) for name, of_one in kept.items() if of_one}
        return json.dumps({"schema": SCHEMA, "model": self._sha256, "seats": seats}, allow_nan=False) + "\n"

    def _put_aside(self, trouble: Exception) -> None:
        why = (trouble.strerror if isinstance(trouble, OSError) else str(trouble)) or type(trouble).__name__
        aside = self._path.with_name(self._path.name + ".aside")
        try:
            os.replace(self._path, aside)
        except OSError as refused:
            logger.warning("%s: %s: it is not used, nor can it be put aside: %s", self._path, why, refused.strerror)
            return
        logger.warning("%s: %s: it is put aside as %s, the seats begin anew", self._path, why, aside.name)


def _as_table(kept: Running) -> dict[str, Any]:
    return {
        "utterances": kept.n_utterances,
        "frames": kept.n_frames,
        "log_mel": kept.log_mel.tolist(),
        "functionals": kept.functionals.tolist(),
        "scatter": kept.scatter.tolist(),
    }


def _read(path: Path, sha256: str) -> dict[str, Running]:
    """By seat. Raises ValueError for what is not such a file or of another model, and OSError."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("far too large for what seats know")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        if content["model"] != sha256:
            raise ValueError("it is of another model")
        return {str(name): _from_table(table) for name, table in content["seats"].items()}
    except (KeyError, TypeError, AttributeError, RecursionError, OverflowError, UnicodeError, json.JSONDecodeError) as trouble:
        raise ValueError("damaged, or not a file of what seats know") from trouble


def _from_table(table: Mapping[str, Any]) -> Running:
    log_mel, functionals, scatter = (_numbers(table[name]) for name in ("log_mel", "functionals", "scatter"))
    n_frames, n_utterances = _numbers([table["frames"], table["utterances"]]).tolist()
    return Running(log_mel, n_frames, functionals, scatter, n_utterances)


def _numbers(values: Any) -> NDArray[np.float64]:
    if not all(type(value) in (int, float) for value in values):
        raise TypeError("want numbers")
    numbers = np.array(values, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("it has values that are no numbers")
    return numbers
