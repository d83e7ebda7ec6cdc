"""Makes the bundled recording: five synthetic sentences in a synthetic cabin. `python -m daemon.demo.make_recording [OUT]`.

espeak-ng speaks, in voices of differing pitch, pace and loudness; the cabin is body rumble, road noise and the
harmonics of an engine whose speed wanders. A synthetic voice feels nothing: the recording proves the plumbing, not the model.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dsp.params import FrontEndParams

Samples = NDArray[np.float64]

SAMPLE_RATE_HZ = FrontEndParams().sample_rate_hz
SEED = 20
LEAD_S, TAIL_S = 0.8, 1.8
SPEECH_EDGE = 0.01
"""Share of the loudest amplitude below which the ends of a sentence are silence and cut off."""

BODY_DB, ROAD_DB, ENGINE_DB = -45.5, -52.5, -48.5
"""RMS of each part of the cabin's noise, dB below full scale: at these webrtcvad is quiet from its very first frame."""
BODY_CUTOFF_HZ, ROAD_CUTOFF_HZ, ENGINE_HZ = 90.0, 1800.0, 46.0


@dataclass(frozen=True)
class Sentence:
    """What is said, how, and how long the cabin is left alone after it."""

    text: str
    voice: str
    pitch: int
    """espeak-ng's scale: 0 to 99, its neutral is 50."""
    words_per_minute: int
    level_db: float
    """RMS over the whole sentence, dB below full scale."""
    pause_s: float = 1.75


SENTENCES = (
    Sentence("The next exit is ours, then we turn right.", "en-us+f2", 50, 165, -25.5),
    Sentence("Look out! Did you see that? He nearly hit us!", "en-us+m3", 92, 215, -21.5),
    Sentence("I am so tired. I just want to be home.", "en-gb+m7", 14, 118, -27.0, pause_s=1.9),
    Sentence("Oh wow, the sea! This is wonderful, I love it here!", "en-us+f4", 88, 195, -22.5),
    Sentence("It is fine, we can stop for coffee if you like.", "en-gb+m1", 46, 150, -26.0, pause_s=TAIL_S),
)


def main(arguments: Sequence[str]) -> None:
    """Write the recording to the path given, or beside this file."""
    target = Path(arguments[0]) if arguments else Path(__file__).with_name("cabin.flac")
    recording = cabin_recording()
    soundfile.write(target, recording, SAMPLE_RATE_HZ, subtype="PCM_16")
    sys.stdout.write(f"{target}: {len(recording) / SAMPLE_RATE_HZ:.1f} s, {target.stat().st_size / 1000:.0f} kB\n")


def cabin_recording() -> Samples:
    """The whole recording, (n_samples,), full scale 1.0; the same samples each time."""
    parts = [_silence(LEAD_S)]
    for sentence in SENTENCES:
        parts += [with_level(spoken(sentence), sentence.level_db), _silence(sentence.pause_s)]
    speech = np.concatenate(parts)
    return speech + cabin_noise(len(speech), np.random.default_rng(SEED))


def spoken(sentence: Sentence) -> Samples:
    """The sentence by espeak-ng at our sample rate, the silence at its ends cut off."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentence.wav"
        how = ["-v", sentence.voice, "-p", str(sentence.pitch), "-s", str(sentence.words_per_minute)]
        try:
            subprocess.run(["espeak-ng", *how, "-w", str(path), sentence.text], check=True, capture_output=True)
        except FileNotFoundError:
            raise SystemExit("espeak-ng is not installed, and it speaks the sentences: apt-get install espeak-ng") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"espeak-ng did not speak as {sentence.voice}: {error.stderr.decode().strip()}") from error
        samples, rate_hz = soundfile.read(path, dtype="float64")
    loud = np.flatnonzero(np.abs(samples) > SPEECH_EDGE * np.max(np.abs(samples)))
    return np.asarray(soxr.resample(samples[loud[0] : loud[-1] + 1], rate_hz, SAMPLE_RATE_HZ), dtype=np.float64)


def cabin_noise(n_samples: int, rng: np.random.Generator) -> Samples:
    """What the cabin sounds like with nobody talking: (n_samples,)."""
    body = shaped_noise(n_samples, rng, slope=1.0, cutoff_hz=BODY_CUTOFF_HZ)
    road = shaped_noise(n_samples, rng, slope=0.5, cutoff_hz=ROAD_CUTOFF_HZ)
    engine = engine_harmonics(n_samples, rng)
    return with_level(body, BODY_DB) + with_level(road, ROAD_DB) + with_level(engine, ENGINE_DB)


def shaped_noise(n_samples: int, rng: np.random.Generator, *, slope: float, cutoff_hz: float) -> Samples:
    """White noise made pink (slope 0.5) or brown (1.0), falling 12 dB an octave more above the cut-off: (n_samples,)."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequency_hz = np.maximum(np.fft.rfftfreq(n_samples, 1.0 / SAMPLE_RATE_HZ), 20.0)
    gain = frequency_hz**-slope / (1.0 + (frequency_hz / cutoff_hz) ** 2)
    gain[0] = 0.0
    return np.asarray(np.fft.irfft(spectrum * gain, n_samples), dtype=np.float64)


def engine_harmonics(n_samples: int, rng: np.random.Generator, n_harmonics: int = 6) -> Samples:
    """The firing frequency and its multiples, each 6 dB below the last; the engine's speed wanders by some ten per cent."""
    time_s = np.arange(n_samples) / SAMPLE_RATE_HZ
    wander = 0.06 * np.sin(2 * np.pi * time_s / 11.0) + 0.03 * np.sin(2 * np.pi * time_s / 4.3 + 1.0)
    phase = 2 * np.pi * np.cumsum(ENGINE_HZ * (1.0 + wander)) / SAMPLE_RATE_HZ
    offsets = rng.uniform(0.0, 2 * np.pi, n_harmonics)
    parts = [2.0**-order * np.sin((order + 1) * phase + offset) for order, offset in enumerate(offsets)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def with_level(samples: Samples, level_db: float) -> Samples:
    """The samples scaled to an RMS of `level_db` below full scale."""
    rms = float(np.sqrt(np.mean(samples**2)))
    return np.asarray(samples * (10.0 ** (level_db / 20.0) / rms), dtype=np.float64)


def _silence(duration_s: float) -> Samples:
    return np.zeros(round(duration_s * SAMPLE_RATE_HZ))


if __name__ == "__main__":
    main(sys.argv[1:])
