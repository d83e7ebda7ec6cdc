"""What a recipe learns from and is tested on: the frames of every recording, and of its copies."""

from __future__ import annotations

import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Iterable, Iterator, Sequence, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.lab.copies import ORIGINAL, frames_of
from models.lab.corpora import Utterance
from models.lab.feature_cache import FeatureCache, cache_folder
from models.lab.features import extract
from models.lab.recipe import Recipe

_Item = TypeVar("_Item")

WORTH_A_WORD_S = 5.0
"""Between two lines of progress, and before the first."""
RECORDINGS_A_TASK = 8


@dataclass(frozen=True)
class Material:
    """Examples of a corpus. `splits` deals the utterances; their copies follow the training part and no other."""

    utterances: Sequence[Utterance]
    """As many more of them as there are copies, where those are made before the split."""
    truth: NDArray[np.int64]
    """(n_utterances,) classes."""
    frames: Sequence[NDArray[np.float32]]
    """One (n_frames, n_features) an utterance."""
    copies: Sequence[Sequence[NDArray[np.float32]]]
    """The copies of each utterance that are learnt from along with it."""

    def learnt_from(self, positions: NDArray[np.int64]) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
        """Frames and classes of the utterances there, each followed by its copies."""
        frames = [each for i in positions for each in (self.frames[i], *self.copies[i])]
        return frames, np.repeat(self.truth[positions], [1 + len(self.copies[i]) for i in positions])

    def judged_by(self, positions: NDArray[np.int64]) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
        """Frames and classes of the utterances there, without copies."""
        return [self.frames[i] for i in positions], self.truth[positions]


def as_dealt(recipe: Recipe, utterances: Sequence[Utterance]) -> list[Utterance]:
    """What is split: the utterances, or, of a recipe whose copies are made before, each one's copies, too.

    These are then taken for recordings of their own, which is the leak that such a recipe is there to show.
    """
    if not recipe.copies_before_split:
        return list(utterances)
    return [replace(each, same_as="") for each in utterances for _ in (ORIGINAL, *recipe.copies)]


def gather(recipe: Recipe, utterances: Sequence[Utterance]) -> Material:
    """The material of a recipe; where it is wanted many times, features are kept in `cache_folder()`.

    Raises LabError for a recording that cannot be read.
    """
    if not is_kept(recipe):
        return Material(utterances, recipe.classes(utterances), extract(utterances, recipe), [()] * len(utterances))
    cache = FeatureCache(cache_folder())
    each_with_copies = [_kept(recipe, [one], cache)[0] for one in _with_progress(utterances, len(utterances))]
    dealt = as_dealt(recipe, utterances)
    if recipe.copies_before_split:
        frames = [each for those in each_with_copies for each in those]
        return Material(dealt, recipe.classes(dealt), frames, [()] * len(dealt))
    originals, copies = [those[0] for those in each_with_copies], [those[1:] for those in each_with_copies]
    return Material(dealt, recipe.classes(dealt), originals, copies)


def is_kept(recipe: Recipe) -> bool:
    """Whether the features are kept on disk: copies are dear to make, and what is no network learns faster than they."""
    return bool(recipe.copies) or recipe.is_classical


def prepare(recipe: Recipe, utterances: Sequence[Utterance], n_workers: int) -> None:
    """Fill the cache in `n_workers` processes, so that `gather` finds all there. Nothing to do where nothing is kept."""
    if not is_kept(recipe):
        return
    tasks = [utterances[at : at + RECORDINGS_A_TASK] for at in range(0, len(utterances), RECORDINGS_A_TASK)]
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn"), initializer=_end_without_a_word) as pool:
        for _ in _with_progress(pool.map(_fill, [recipe] * len(tasks), tasks), len(tasks)):
            pass


def _end_without_a_word() -> None:
    # Ctrl-C goes to the whole group: what a worker has kept stands
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _fill(recipe: Recipe, utterances: Sequence[Utterance]) -> None:
    _kept(recipe, utterances, FeatureCache(cache_folder()))


def _kept(recipe: Recipe, utterances: Iterable[Utterance], cache: FeatureCache) -> list[list[NDArray[np.float32]]]:
    return [[frames_of(each, copy, recipe, cache) for copy in (ORIGINAL, *recipe.copies)] for each in utterances]


def _with_progress(items: Iterable[_Item], n_items: int) -> Iterator[_Item]:
    started = said = time.perf_counter()
    for n_done, item in enumerate(items):
        now = time.perf_counter()
        if n_done and now - said > WORTH_A_WORD_S:
            said, left_s = now, (now - started) / n_done * (n_items - n_done)
            print(f"features: {100 * n_done // n_items} %, about {left_s:.0f} s left", file=sys.stderr, flush=True)
        yield item
