"""Recordings made for the tests: the bundled one in other forms, and files that are damaged in known ways."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from daemon.demo.demo import RECORDING

RATE_HZ = 16000

Float = NDArray[np.float32]


def speech() -> Float:
    """The bundled recording: (n,) float32."""
    return np.asarray(soundfile.read(RECORDING, dtype="float32")[0], np.float32)


def resampled(samples: Float, rate_hz: int) -> Float:
    return np.asarray(soxr.resample(samples, RATE_HZ, rate_hz), np.float32)


def channels(samples: Float, n_channels: int) -> Float:
    return np.repeat(samples[:, None], n_channels, axis=1)


def square_wave(seconds: float) -> Float:
    """At full scale, 200 Hz."""
    return np.where(np.arange(int(seconds * RATE_HZ)) // 40 % 2, 1.0, -1.0).astype(np.float32)


def shouted() -> Float:
    """The bundled recording so loud that nearly every sample of the speech is at full scale."""
    samples = speech()
    return np.where(np.abs(samples) > 0.01, np.sign(samples), samples).astype(np.float32)


def write(path: Path, samples: Float, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def cut_off(path: Path, share: float) -> Path:
    """Only this share of the file's bytes is left."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def overwritten(path: Path, n_bytes: int = 4000) -> Path:
    """Bytes in the middle are others."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + n_bytes] = np.random.default_rng(0).bytes(n_bytes)
    path.write_bytes(content)
    return path


def streamed_wav(path: Path, samples: Float) -> Path:
    """As programs write it that do not know the end: the lengths in the header are the largest there are."""
    pcm = np.asarray(np.rint(samples * 32767.0), np.int16).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    path.write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff" + pcm)
    return path


def tune(seconds: float) -> Float:
    """Notes of a quarter of a second with harmonics: loud, tonal, never steady, and nobody speaks."""
    rng, time_s = np.random.default_rng(0), np.arange(RATE_HZ // 4) / RATE_HZ
    notes = []
    for _ in range(round(4 * seconds)):
        turns = 220.0 * 2.0 ** (rng.integers(0, 13) / 12.0) * time_s
        notes.append(0.2 * np.exp(-time_s / 0.3) * sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 6)))
    return np.concatenate(notes).astype(np.float32)
