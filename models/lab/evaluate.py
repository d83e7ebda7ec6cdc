"""A recipe under a protocol: every seed and fold trained, tested once, and written down."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.lab import corpora, metrics, results, splits
from models.lab.corpora import Utterance
from models.lab.features import extract
from models.lab.fit import Fitted, fit, probabilities
from models.lab.recipe import Recipe
from models.lab.results import RESULTS, Result, Run

CHECKPOINTS = Path("build") / "lab"

# glibc gives every big buffer back to the system and asks for it again, thousands of times an epoch
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}


def runs(recipe: Recipe, protocol: str, seeds: Sequence[int], utterances: Sequence[Utterance]) -> list[Run]:
    """Every run of a protocol. Raises LabError for an unknown one."""
    return [Run(recipe, protocol, seed, fold.name) for seed in seeds for fold in splits.folds(protocol, utterances, seed)]


def evaluate(
    recipe: Recipe,
    protocol: str,
    seeds: Sequence[int],
    n_workers: int = 0,
    folder: Path = RESULTS,
    checkpoints: Path = CHECKPOINTS,
) -> list[Result]:
    """The results of all runs of a protocol, those at hand read and the others run.

    `n_workers` processes of one thread each; 0 runs them one by one in this process. Raises LabError when the corpus is
    not whole, or when a result at hand is of another recipe.
    """
    wanted = runs(recipe, protocol, seeds, corpora.whole(recipe.corpus, corpora.corpora_root()))
    missing = [run for run in wanted if results.read(run, folder) is None]
    started = time.perf_counter()
    for n_done, (run, result) in enumerate(_run_all(missing, n_workers, folder, checkpoints), start=1):
        left_s = (time.perf_counter() - started) / n_done * (len(missing) - n_done)
        print(
            f"{recipe.name}: {run.name} has UAR {metrics.uar(result.matrix):.1f} %, WA {metrics.wa(result.matrix):.1f} %; "
            f"{n_done} of {len(missing)} runs done, about {left_s:.0f} s left",
            file=sys.stderr,
        )
    found = (results.read(run, folder) for run in wanted)
    return [result for result in found if result is not None]


def _run_all(missing: Sequence[Run], n_workers: int, folder: Path, checkpoints: Path) -> Iterator[tuple[Run, Result]]:
    if n_workers == 0:
        for run in missing:
            yield run, run_one(run, folder, checkpoints)
        return
    with worker_pool(n_workers) as pool:
        futures: dict[Future[Result], Run] = {pool.submit(run_one, run, folder, checkpoints): run for run in missing}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # after an error, those that wait are not begun; those that run are written down by their workers
            pool.shutdown(cancel_futures=True)


def worker_pool(n_workers: int) -> ProcessPoolExecutor:
    """Fresh processes that each train on one thread: on small batches two runs side by side beat two threads on one."""
    # read by the C library when a process starts, so it is the workers that need it
    os.environ.update({name: value for name, value in _MALLOC.items() if name not in os.environ})
    return ProcessPoolExecutor(
        n_workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
    )


def _begin_worker() -> None:
    torch.set_num_threads(1)
    # the momentum of a weight whose input stays zero decays to the smallest numbers there are, on which a processor takes
    # twice the time; they move no weight
    torch.set_flush_denormal(True)
    # Ctrl-C goes to the whole group: a worker ends without a word, the checkpoint of its last epochs stands
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_one(run: Run, folder: Path, checkpoints: Path) -> Result:
    """Train on the fold's one part, test on the other, once, and write it down in `folder`.

    An unfinished run goes on from its checkpoint.
    """
    recipe = run.recipe
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    fold = next(fold for fold in splits.folds(run.protocol, utterances, run.seed) if fold.name == run.fold)
    if run.protocol == splits.SPEAKER_INDEPENDENT:
        speakers = np.array([utterance.speaker for utterance in utterances])
        assert not set(speakers[fold.train]) & set(speakers[fold.test]), "a speaker is on both sides"
    frames = extract(utterances, recipe)
    truth = recipe.classes(utterances)
    checkpoint = checkpoints / recipe.name / f"{run.name}.pt"
    fitted = fit(recipe, [frames[i] for i in fold.train], truth[fold.train], run.seed, checkpoint, run.name)
    said = np.array([probabilities(fitted.network, recipe, frames[i]).argmax() for i in fold.test], np.int64)
    result = _result(run, fitted, len(fold.train), metrics.confusion(truth[fold.test], said, len(recipe.labels)))
    results.write(run, result, folder)
    checkpoint.unlink(missing_ok=True)
    return result


def _result(run: Run, fitted: Fitted, n_train: int, matrix: NDArray[np.int64]) -> Result:
    return Result(
        recipe=run.recipe.as_dict(),
        corpus=run.recipe.corpus.name,
        protocol=run.protocol,
        seed=run.seed,
        fold=run.fold,
        versions=dict(fitted.versions),
        n_parameters=fitted.n_parameters,
        n_train=n_train,
        n_test=int(matrix.sum()),
        epochs=run.recipe.epochs,
        training_loss=fitted.loss,
        seconds=round(fitted.seconds, 1),
        labels=run.recipe.labels,
        confusion=matrix.tolist(),
    )
