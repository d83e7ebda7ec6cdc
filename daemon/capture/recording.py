"""A recording as a source: any rate, any width, any number of channels that libsndfile reads."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from daemon.errors import RecordingError
from daemon.events import Block

READ_SECONDS = 1
LOWEST_RATE_HZ = 8000
"""A telephone's. Below it the speech detector hears nothing it knows."""
FULL_SCALE = 32768.0
# what libsndfile notes of WAV, AIFF and AU files whose header promises more bytes of sound than there are
_CUT_OFF = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# programs that write to a pipe promise 2 or 4 GB: they do not know
_UNKNOWN_BYTES = 0x7FF00000


class Recording:
    """Plays a file once, in blocks of equal length (but the last).

    Channels are averaged, another rate is resampled by soxr, samples beyond full scale are held there and counted.
    """

    listening = True
    hearing = True

    def __init__(
        self, path: Path, name: str, sample_rate_hz: int, block_samples: int, speed: float | None = None, live: bool = False
    ) -> None:
        """`speed` 1.0: real time; None: as fast as it is asked.

        `live`: blocks are stamped with the time at which they fell due, as a microphone's are, and not with their
        place in the recording. Raises RecordingError.
        """
        self.name = name
        self.path = path
        self.rate_hz = sample_rate_hz
        self._block_samples = block_samples
        self._speed = speed
        self._live = live
        self._file = _open(path)
        self._resampler = (
            soxr.ResampleStream(self._file.samplerate, sample_rate_hz, 1, dtype="float32")
            if self._file.samplerate != sample_rate_hz
            else None
        )
        self._pcm = np.zeros(0, np.int16)
        self._taken = 0
        self._n_decoded = 0
        self._position = 0
        self._drained = False
        self._started_ns: int | None = None
        self.attended = 0
        self.overdriven_samples = 0
        """Samples of the file that stood beyond full scale."""

    @property
    def duration_s(self) -> float:
        """As the file's header has it."""
        return float(self._file.frames / self._file.samplerate)

    @property
    def remarks(self) -> list[str]:
        """What a person should know of a recording that was judged all the same, each a line."""
        said = []
        if self._file.samplerate < self.rate_hz:
            said.append(
                f"recorded at {self._file.samplerate} Hz: nothing above {self._file.samplerate // 2} Hz is in it, "
                f"the model was trained on {self.rate_hz} Hz; be slow to believe the label"
            )
        if self.overdriven_samples:
            said.append(f"{self.overdriven_samples} samples stood beyond full scale and were held there")
        return said

    @property
    def ended(self) -> bool:
        """True after the last block."""
        return self._drained and self._taken == len(self._pcm)

    def read(self) -> Block | None:
        """The next block, if it is due. Raises RecordingError for a file that is damaged further on."""
        self.attended += 1
        if not self._due():
            return None
        while not self._drained and len(self._pcm) - self._taken < self._block_samples:
            self._refill()
        samples = self._pcm[self._taken : self._taken + self._block_samples]
        if not len(samples):
            return None
        self._taken += len(samples)
        start = self._position
        self._position += len(samples)
        return Block(samples, start, self._captured_ns())

    def pause(self) -> None:
        """The next block is due as if the recording had gone on from here when that is read."""
        self._started_ns = None

    def device(self) -> dict[str, Any] | None:
        """There is none."""
        return None

    def release(self) -> bool:
        """Close the file."""
        self.close()
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def _due(self) -> bool:
        if self._speed is None:
            return True
        if self._started_ns is None:
            self._started_ns = time.perf_counter_ns() - round(self._position * 1e9 / self.rate_hz / self._speed)
        heard_s = (self._position + self._block_samples) / self.rate_hz
        return (time.perf_counter_ns() - self._started_ns) * self._speed >= heard_s * 1e9

    def _captured_ns(self) -> int:
        heard_ns = self._position * 1_000_000_000 // self.rate_hz
        if not self._live or self._started_ns is None:
            return heard_ns
        return self._started_ns + round(heard_ns / (self._speed or 1.0))

    def _refill(self) -> None:
        mono = self._decoded()
        last = not len(mono)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=last)
        self._drained = last
        self._pcm = np.concatenate([self._pcm[self._taken :], self._int16(mono)])
        self._taken = 0

    def _decoded(self) -> NDArray[np.float32]:
        try:
            samples = self._file.read(READ_SECONDS * self._file.samplerate, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as trouble:
            raise RecordingError(
                f"{self.path}: damaged at {self._position / self.rate_hz:.1f} s: {_reason(trouble)}"
            ) from trouble
        if not np.isfinite(samples).all():
            raise RecordingError(
                f"{self.path}: holds NaN or infinity after {self._heard()}: the program that wrote it is broken"
            )
        self._n_decoded += len(samples)
        if not len(samples) and self._n_decoded < self._file.frames:
            raise RecordingError(
                f"{self.path}: ends after {self._heard()}, its header promises {self.duration_s:.1f} s: it was cut off"
            )
        mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
        return np.ascontiguousarray(mono)

    def _heard(self) -> str:
        return f"{self._n_decoded / self._file.samplerate:.1f} s"

    def _int16(self, mono: NDArray[np.float32]) -> NDArray[np.int16]:
        scaled = np.rint(mono * FULL_SCALE)
        self.overdriven_samples += int(np.count_nonzero((scaled > FULL_SCALE) | (scaled < -FULL_SCALE)))
        return np.asarray(np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1.0).astype(np.int16))


def _open(path: Path) -> soundfile.SoundFile:
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder, want a recording")
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise RecordingError(f"{path}: is empty (0 bytes)")
    try:
        file = soundfile.SoundFile(os.fsencode(path))  # a name need not be UTF-8
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as trouble:
        raise RecordingError(f"{path}: cannot be read as sound: {_reason(trouble)}; want WAV, FLAC, Ogg or MP3") from trouble
    if file.frames == 0:
        file.close()
        raise RecordingError(f"{path}: holds 0 samples")
    if file.samplerate < LOWEST_RATE_HZ:
        file.close()
        raise RecordingError(f"{path}: recorded at {file.samplerate} Hz, too low for speech: want {LOWEST_RATE_HZ} Hz or more")
    noted = _CUT_OFF.search(file.extra_info)
    if noted and int(noted.group(2)) < int(noted.group(1)) < _UNKNOWN_BYTES:
        file.close()
        there_s = file.frames / file.samplerate
        promised_s = there_s * int(noted.group(1)) / int(noted.group(2))
        raise RecordingError(f"{path}: ends after {there_s:.1f} s, its header promises {promised_s:.1f} s: it was cut off")
    return file


def _reason(trouble: Exception) -> str:
    return str(getattr(trouble, "error_string", trouble)).strip().splitlines()[0].rstrip(".")
