"""Short recordings of the bundled, synthetic speech, and files that only look like recordings."""

from __future__ import annotations

import os
from pathlib import Path

import soundfile

from daemon.demo import RECORDING

ROOT = Path(__file__).parents[3]
UTTERANCES_S = ((0.5, 4.2), (4.9, 8.2), (14.5, 18.7), (19.4, 23.7))
"""Somebody speaks in each."""
NO_SPEECH_S = (0.0, 0.6)
BAD = ("empty.wav", "picture.wav", "silent.wav", "dangling.wav", "pipe.wav")


def write(folder: Path, n_clips: int) -> Path:
    """So many, whose names are in order; the first is not UTF-8. The same utterance again is a hard link."""
    folder.mkdir(parents=True)
    for number in range(n_clips):
        path = folder / f"{number:05d}{os.fsdecode(bytes([0xE9])) if number == 0 else ''}.wav"
        if number < len(UTTERANCES_S):
            _cut(path, UTTERANCES_S[number])
        else:
            os.link(sorted(folder.iterdir())[number % len(UTTERANCES_S)], path)
    return folder


def add_bad(folder: Path) -> None:
    """Those of `BAD`."""
    (folder / "empty.wav").touch()
    (folder / "picture.wav").write_bytes((ROOT / "benchmarks" / "pictures" / "way.png").read_bytes()[:5000])
    _cut(folder / "silent.wav", NO_SPEECH_S)
    (folder / "dangling.wav").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.wav")


def _cut(path: Path, between_s: tuple[float, float]) -> None:
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    begin, end = (int(seconds * rate_hz) for seconds in between_s)
    soundfile.write(os.fsencode(path), samples[begin:end], rate_hz, format="WAV", subtype="PCM_16")
