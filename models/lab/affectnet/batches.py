"""What a branch is shown in training: examples drawn, cut and changed a little; every draw follows from seed and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.adaptation import Heard
from models.lab import augment
from models.lab.affectnet import heard
from models.lab.affectnet.voices import Learnt, Voices
from models.lab.recipe import Recipe
from models.lab.windows import centres_hz
from models.networks.affectnet import FRAMES_A_STEP

BATCHES_A_BUCKET = 8
"""Utterances of like length share a batch; they are sorted among so many batches' worth."""


@dataclass(frozen=True)
class LogMelBatch:
    """Of one shape: short examples are filled up."""

    log_mel: NDArray[np.float32]
    """(batch, n_frames, n_mels)"""
    shown: NDArray[np.float32]
    """The same shape: 0.0 where the example is hidden or over."""
    n_frames: NDArray[np.int64]
    """(batch,) of each example."""
    heard: Sequence[Heard]
    truth: NDArray[np.int64]


def log_mel_batches(part: Learnt, recipe: Recipe, rng: np.random.Generator) -> Iterator[LogMelBatch]:
    """An epoch."""
    for chosen in _bucketed(part, recipe.batch, rng):
        examples, knowledge = [], []
        for position in chosen:
            version = part.drawn(rng)
            examples.append(_changed(version.log_mel[position], recipe, rng))
            knowledge.append(_known(version, int(position), recipe, rng))
        yield _filled(examples, knowledge, part.truth[chosen], recipe, rng)


def _bucketed(part: Learnt, batch: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    order = rng.permutation(len(part.truth))
    n_frames = part.versions[0].n_frames
    parts = np.array_split(order, max(1, len(order) // (batch * BATCHES_A_BUCKET)))
    order = np.concatenate([each[np.argsort(n_frames[each], kind="stable")] for each in parts])
    # of the few that are left over none makes a batch of its own: batch norm wants several
    batches = np.array_split(order, max(1, len(order) // batch))
    return [batches[i] for i in rng.permutation(len(batches))]


def _changed(frames: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    change = recipe.augment
    if len(frames) > recipe.window_frames:
        start = int(rng.integers(len(frames) - recipe.window_frames + 1))
        frames = frames[start : start + recipe.window_frames]
    frames = augment.warp_time(frames, rng, change.time_scale)
    return augment.warp_frequency(frames, rng, centres_hz("log_mel", recipe.front_end), change.frequency_scale)


def _filled(
    examples: Sequence[NDArray[np.float32]],
    knowledge: Sequence[Heard],
    truth: NDArray[np.int64],
    recipe: Recipe,
    rng: np.random.Generator,
) -> LogMelBatch:
    change = recipe.augment
    n_frames = np.array([len(each) for each in examples], np.int64)
    longest = -(-int(n_frames.max()) // FRAMES_A_STEP) * FRAMES_A_STEP
    log_mel = np.zeros((len(examples), longest, examples[0].shape[1]), np.float32)
    shown = np.zeros_like(log_mel)
    for i, each in enumerate(examples):
        log_mel[i, : len(each)] = each
        ones = np.ones_like(each)
        shown[i, : len(each)] = augment.mask(ones, rng, change.masks, change.mask_part, change.mask_bands)
    return LogMelBatch(log_mel, shown, n_frames, knowledge, truth)


@dataclass(frozen=True)
class FunctionalsBatch:
    """Rows of a table."""

    functionals: NDArray[np.float32]
    """(batch, n_functionals)"""
    heard: Sequence[Heard]
    truth: NDArray[np.int64]


def functionals_batches(part: Learnt, recipe: Recipe, rng: np.random.Generator) -> Iterator[FunctionalsBatch]:
    """An epoch."""
    order = rng.permutation(len(part.truth))
    for chosen in np.array_split(order, max(1, len(order) // recipe.batch)):
        drawn = [(part.drawn(rng), int(position)) for position in chosen]
        rows = np.stack([version.functionals[position] for version, position in drawn])
        yield FunctionalsBatch(rows, [_known(*each, recipe, rng) for each in drawn], part.truth[chosen])


def _known(voices: Voices, position: int, recipe: Recipe, rng: np.random.Generator) -> Heard:
    return heard.in_training(voices, position, rng) if recipe.knows_seats else voices.heard(np.empty(0, np.int64))
