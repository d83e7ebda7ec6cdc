"""An archive of recordings: how many a second a core, what one worker and two make of their cores, and memory over 100,000."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Sequence

import soundfile

OPTIONS: dict[str, dict[str, Any]] = {
    "files": {"type": int, "metavar": "N", "help": "archive: over how many recordings memory is watched; default 100,000"}
}
CABIN = Path(__file__).parents[1] / "daemon" / "demo" / "cabin.flac"
SPOKEN_S = ((0.5, 4.2), (4.9, 8.2), (14.5, 18.7), (19.4, 23.7))
"""Where somebody speaks, each a recording: of these are the rounds."""
WORDS_S = ((1.0, 1.4), (0.0, 0.1), (0.0, 0.12), (0.0, 0.14))
"""Short ones, one with a word and three without: of these are the many, over which memory is watched."""
EFFICIENCY_AIM = 0.95
"""Of two workers beside twice one."""
ROUND_FILES = 256
N_ROUNDS = 6


def measure(short: bool, plot: Path | None, files: int | None) -> dict[str, Any]:
    """In a new folder, which is removed in the end."""
    if plot is not None:
        raise SystemExit("archive draws nothing: leave --plot away")
    from benchmarks.archive_rounds import rounds
    from benchmarks.archive_watch import killed, memory

    where = Path(tempfile.mkdtemp(prefix="affectd-archive-"))
    try:
        spoken = links(where / "spoken", SPOKEN_S, 16 if short else ROUND_FILES)
        found = rounds(spoken, 1 if short else N_ROUNDS)
        found.update(killed(spoken, where / "killed.parquet"))
        many = links(where / "many", WORDS_S, files or (300 if short else 100_000))
        found.update(memory(many, where / "many.parquet"))
        return found
    finally:
        shutil.rmtree(where)


def links(folder: Path, pieces_s: Sequence[tuple[float, float]], n_files: int) -> Path:
    """So many names for a few recordings."""
    folder.mkdir()
    samples, rate_hz = soundfile.read(CABIN, dtype="int16")
    for number in range(n_files):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        if number < len(pieces_s):
            begin, end = (int(seconds * rate_hz) for seconds in pieces_s[number])
            soundfile.write(path, samples[begin:end], rate_hz, subtype="PCM_16")
        else:
            os.link(folder / "000" / f"{number % len(pieces_s):06d}.wav", path)
    return folder
