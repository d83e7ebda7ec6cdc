"""The pictures of the report that need the corpora: spectrograms of each emotion, and the augmentations side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dsp.framing import float32_from_int16
from dsp.mel import mel_from_hz
from dsp.offline import feature_frames
from dsp.params import LOG_MEL, FrontEndParams
from models.lab import augment
from models.lab.corpora import Corpus, Utterance, find, read_pcm
from models.lab.errors import LabError
from models.lab.pictures import BLUE, defaults, new_figure, save

PARAMS = FrontEndParams(
    frame_ms=128.0,
    hop_ms=32.0,
    pre_emphasis=0.0,
    taper="hann",
    n_mels=128,
    f_min_hz=0.0,
    mel_scale="slaney",
    mel_norm="slaney",
    log_floor=1e-10,
    kinds=(LOG_MEL,),
)
"""Paper 5's picture: 2048 samples every 512 at 16 kHz, 128 mel bands up to 8 kHz."""
RANGE_DB = 80.0
DETAIL_MS = 30.0
"""Of the waveform, shown large: a shift of a few ms is nothing in 2 s."""
SHIFT_MS = 2.5
"""Half of what paper 5 shifts by at most: about half a period of the voice, so that it shows."""
TICKS_HZ = (500, 1000, 2000, 4000, 8000)


def one_of_each(corpus: Corpus, root: Path) -> list[Utterance]:
    """The first utterance of every label, in the labels' order, of the first speaker who has them all.

    Raises NotAtHand without the corpus's folder, LabError when nobody has every label.
    """
    first: dict[str, dict[str, Utterance]] = {}
    for utterance in find(corpus, root):
        first.setdefault(utterance.speaker, {}).setdefault(utterance.label, utterance)
    for speaker in sorted(first):
        if set(first[speaker]) == set(corpus.n_by_label):
            return [first[speaker][label] for label in sorted(corpus.n_by_label)]
    raise LabError(f"{corpus.name}: nobody in {root / corpus.folder} has an utterance of every label")


def draw_spectrograms(corpus: Corpus, root: Path, path: Path, n_columns: int = 4) -> None:
    """Waveform over mel spectrogram, one utterance of each label by one speaker."""
    chosen = one_of_each(corpus, root)
    n_rows = -(-len(chosen) // n_columns)
    with defaults():
        figure = new_figure(2.9 * n_columns, 3.3 * n_rows)
        figure.suptitle(f"{corpus.name}, speaker {chosen[0].speaker}", fontweight="bold")
        panels = figure.subplots(2 * n_rows, n_columns, squeeze=False, height_ratios=(1, 2) * n_rows)
        for axes in panels.ravel():
            axes.set_axis_off()
        recordings = [_samples(utterance) for utterance in chosen]
        peak = max(float(np.abs(samples).max()) for samples in recordings)
        for k, (utterance, samples) in enumerate(zip(chosen, recordings)):
            row, column = divmod(k, n_columns)
            top, bottom = panels[2 * row, column], panels[2 * row + 1, column]
            top.set_title(utterance.label, fontsize=10)
            _waveform(top, samples, labelled=column == 0)
            top.set_ylim(-peak, peak)
            top.tick_params(labelbottom=False)
            _spectrogram(bottom, samples, labelled=column == 0)
        save(figure, path)


def draw_augmentations(corpus: Corpus, root: Path, path: Path) -> None:
    """The first utterance of `one_of_each` and paper 5's four augmentations: all of it, a detail, and the mel spectrogram."""
    original = _samples(one_of_each(corpus, root)[0])
    rng, rate_hz = np.random.default_rng(0), PARAMS.sample_rate_hz
    versions = {
        "original": original,
        "noise, 0.005 of the peak": augment.add_noise(original, rng),
        f"shifted in a circle by {SHIFT_MS:g} ms": np.roll(original, int(rate_hz * SHIFT_MS / 1000.0)),
        "0.8 of the speed": augment.stretched(original, 0.8),
        "2 semitones higher": augment.pitch_shifted(original, rate_hz, 2.0),
    }
    loudest = int(np.abs(original).argmax())
    longest_s = max(len(samples) for samples in versions.values()) / rate_hz
    with defaults():
        figure = new_figure(2.5 * len(versions), 5.6)
        panels = figure.subplots(3, len(versions), height_ratios=(1, 1, 2))
        for column, (says, samples) in enumerate(versions.items()):
            same_place = loudest * len(samples) // len(original)
            top, middle, bottom = panels[:, column]
            top.set_title(says, fontsize=9)
            _waveform(top, samples, labelled=column == 0)
            top.tick_params(labelbottom=False)
            _detail(middle, samples, same_place, labelled=column == 0)
            _spectrogram(bottom, samples, labelled=column == 0)
            for axes in (top, bottom):
                axes.set_xlim(0.0, longest_s)
        save(figure, path)


def _samples(utterance: Utterance) -> NDArray[np.float32]:
    samples = float32_from_int16(read_pcm(utterance.path, PARAMS.sample_rate_hz))
    if len(samples) < PARAMS.frame_samples:
        raise LabError(f"{utterance.path}: {len(samples)} samples: want one frame at least, {PARAMS.frame_samples}")
    return samples


def _waveform(axes: Axes, samples: NDArray[np.float32], labelled: bool) -> None:
    axes.set_axis_on()
    axes.plot(np.arange(len(samples)) / PARAMS.sample_rate_hz, samples, color=BLUE, linewidth=0.4)
    axes.set_xlim(0.0, len(samples) / PARAMS.sample_rate_hz)
    axes.set_ylim(-1.0, 1.0)
    axes.tick_params(labelsize=8, labelleft=labelled)
    if labelled:
        axes.set_ylabel("amplitude")


def _detail(axes: Axes, samples: NDArray[np.float32], around_sample: int, labelled: bool) -> None:
    half_samples = int(DETAIL_MS * PARAMS.sample_rate_hz / 2000.0)
    start_sample = max(0, around_sample - half_samples)
    part = samples[start_sample : around_sample + half_samples]
    axes.plot(np.arange(len(part)) * 1000.0 / PARAMS.sample_rate_hz, part, color=BLUE, linewidth=0.8)
    axes.set_xlim(0.0, DETAIL_MS)
    axes.set_ylim(-1.0, 1.0)
    axes.tick_params(labelsize=8, labelleft=labelled)
    axes.set_xlabel("ms, of the loudest part", fontsize=8)
    if labelled:
        axes.set_ylabel("amplitude")


def _spectrogram(axes: Axes, samples: NDArray[np.float32], labelled: bool) -> None:
    frames_db = feature_frames(samples, PARAMS).T * (10.0 / np.log(10.0))
    mels = mel_from_hz(np.array([PARAMS.f_min_hz, PARAMS.f_max_hz]), PARAMS.mel_scale)
    axes.set_axis_on()
    axes.imshow(
        frames_db - frames_db.max(),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0.0,
        extent=(0.0, len(samples) / PARAMS.sample_rate_hz, float(mels[0]), float(mels[1])),
    )
    axes.set_facecolor("#dddddd")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_yticks(mel_from_hz(np.array(TICKS_HZ, np.float64), PARAMS.mel_scale), [f"{hz / 1000:g}" for hz in TICKS_HZ])
    axes.tick_params(labelsize=8, labelleft=labelled)
    axes.set_xlabel("s", fontsize=8)
    if labelled:
        axes.set_ylabel("kHz, mel scale")
