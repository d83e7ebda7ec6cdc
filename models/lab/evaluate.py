"""A recipe under a protocol: every seed and fold trained, tested once, and written down."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import corpora, metrics, results, splits
from models.lab.answers import Answers
from models.lab.corpora import Utterance
from models.lab.errors import LabError
from models.lab.material import Material, as_dealt, gather, prepare
from models.lab.recipe import Recipe
from models.lab.results import RESULTS, Result, Run
from models.lab.splits import Fold

if TYPE_CHECKING:
    from models.lab.classical import FittedTable
    from models.lab.fit import Fitted

# torch and scikit-learn are imported by what trains with them: each does without the other

Said = NDArray[np.int64]
"""(n_tested,) classes."""
CHECKPOINTS = Path("build") / "lab"

# glibc gives every big buffer back to the system and asks for it again, thousands of times an epoch
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}


def runs(recipe: Recipe, protocol: str, seeds: Sequence[int], utterances: Sequence[Utterance]) -> list[Run]:
    """Every run of a protocol. Raises LabError for an unknown one, and for one that a recipe cannot be judged by."""
    if recipe.copies_before_split and protocol == splits.SPEAKER_INDEPENDENT:
        raise LabError(
            f"{recipe.name}: what its copies leak is seen by the protocol {splits.PAPER}; by {protocol} nothing leaks, take "
            "the recipe that splits first"
        )
    return [
        Run(recipe, protocol, seed, fold.name)
        for seed in seeds
        for fold in splits.folds(protocol, as_dealt(recipe, utterances), seed, recipe.share)
    ]


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
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    wanted = runs(recipe, protocol, seeds, utterances)
    missing = [run for run in wanted if results.read(run, folder) is None]
    if missing and n_workers:
        prepare(recipe, utterances, n_workers)
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


def _end_with(parent: int) -> None:
    """A parent that is killed leaves its workers to train on for hours, with nobody to write the results down."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _begin_worker() -> None:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Ctrl-C goes to the whole group: a worker ends without a word, the checkpoint of its last epochs stands
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if importlib.util.find_spec("torch") is None:  # what is classical does without
        return
    import torch

    torch.set_num_threads(1)
    # the momentum of a weight whose input stays zero decays to the smallest numbers there are, on which a processor takes
    # twice the time; they move no weight
    torch.set_flush_denormal(True)


def run_one(run: Run, folder: Path, checkpoints: Path) -> Result:
    """Train on the fold's one part, test on the other, once, and write it down in `folder`.

    An unfinished run of a network goes on from its checkpoint.
    """
    recipe = run.recipe
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    dealt = as_dealt(recipe, utterances)
    fold = next(fold for fold in splits.folds(run.protocol, dealt, run.seed, recipe.share) if fold.name == run.fold)
    if run.protocol == splits.SPEAKER_INDEPENDENT:
        speakers = np.array([utterance.speaker for utterance in dealt])
        assert not set(speakers[fold.train]) & set(speakers[fold.test]), "a speaker is on both sides"
    material = gather(recipe, utterances)
    checkpoint = checkpoints / recipe.name / f"{run.name}.pt"
    conditions: dict[str, Said] = {}
    answers: dict[str, list[str]] = {}
    fitted: Fitted[Any] | FittedTable
    if recipe.is_classical:
        fitted, said = _classical(run, material, fold)
    elif recipe.is_affectnet:
        fitted, said, conditions, answers = _affectnet(run, material, fold, checkpoint)
    else:
        fitted, said = _network(run, material, fold, checkpoint)
    n_train = sum(1 + len(material.copies[i]) for i in fold.train)
    truth, n_labels = material.truth[fold.test], len(recipe.labels)
    confusions = {name: metrics.confusion(truth, each, n_labels) for name, each in conditions.items()}
    result = _result(run, fitted, n_train, metrics.confusion(truth, said, n_labels), confusions)
    results.write(run, replace(result, answers=answers), folder)
    if not recipe.is_affectnet:  # whose folds are judged again, in noise: see `python -m benchmarks noise`
        checkpoint.unlink(missing_ok=True)
    return result


def _affectnet(
    run: Run, material: Material, fold: Fold, checkpoint: Path
) -> tuple[Fitted[Any], Said, dict[str, Said], dict[str, list[str]]]:
    from models.lab.affectnet.fit import fit
    from models.lab.affectnet.heard import COLD, CONDITIONS, TOLD_IN_FULL
    from models.lab.affectnet.judge import probabilities
    from models.lab.affectnet.voices import judged, learnt

    # no epoch is picked: what a share holds for validation is learnt from
    positions = np.sort(np.concatenate([fold.train, fold.validation]))
    fitted = fit(run.recipe, learnt(material, run.recipe, positions), run.seed, checkpoint, run.name)
    voices = judged(material, run.recipe, fold.test)
    likely = {each.name: probabilities(fitted.network, voices, each, run.seed) for each in CONDITIONS}
    tested = [material.utterances[i] for i in fold.test]
    answers = {name: Answers.of(tested, likely[name]).lines() for name in TOLD_IN_FULL}
    said = {name: each.argmax(axis=1) for name, each in likely.items()}
    return fitted, said.pop(COLD.name), said, answers


def _network(run: Run, material: Material, fold: Fold, checkpoint: Path) -> tuple[Fitted[Any], NDArray[np.int64]]:
    from models.lab.fit import fit, probabilities
    from models.lab.train import parts

    learnt_from, judged_by = parts(run.recipe, material, fold, run.seed)
    fitted = fit(run.recipe, learnt_from, run.seed, checkpoint, run.name, judged_by)
    likely = [probabilities(fitted.network, run.recipe, material.frames[i]) for i in fold.test]
    return fitted, np.array([each.argmax() for each in likely], np.int64)


def _classical(run: Run, material: Material, fold: Fold) -> tuple[FittedTable, NDArray[np.int64]]:
    from models.lab.classical import fit

    # without epochs there is nothing to stop: what a share holds for validation is learnt from
    learnt_from = np.sort(np.concatenate([fold.train, fold.validation]))
    fitted = fit(run.recipe, *material.learnt_from(learnt_from), run.seed)
    return fitted, fitted.classes([material.frames[i] for i in fold.test])


def _result(
    run: Run,
    fitted: Fitted[Any] | FittedTable,
    n_train: int,
    matrix: NDArray[np.int64],
    conditions: dict[str, NDArray[np.int64]],
) -> Result:
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
        epochs=len(fitted.history.losses),
        training_loss=fitted.loss,
        seconds=round(fitted.seconds, 1),
        labels=run.recipe.labels,
        confusion=matrix.tolist(),
        losses=[round(loss, 4) for loss in fitted.history.losses],
        validation_losses=[round(loss, 4) for loss in fitted.history.validation_losses],
        conditions={name: each.tolist() for name, each in conditions.items()},
    )
