"""A recipe under a protocol: every seed and fold trained, tested once, and written down."""

from __future__ import annotations

import hashlib
import importlib.util
import multiprocessing
import os
import platform
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import corpora, metrics, results, splits
from models.lab.answers import Answers
from models.lab.corpora import Utterance
from models.lab.errors import LabError
from models.lab.likeness import code, require_equal
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
LIBRARIES = ("torch", "scikit-learn", "numpy", "numba", "librosa", "soundfile", "soxr")
"""Of which another version may end in another result."""

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
    scheduler: str | None = None,
) -> list[Result]:
    """The results of all runs of a protocol, those at hand read and the others run.

    `n_workers` processes of one thread each; 0 runs them one by one in this process. `scheduler`: the address of Dask's, whose
    workers run them instead, each with its own corpora and checkpoints. Raises LabError when the corpus is not whole, when a
    result at hand is of another recipe, or when a worker has not the same affectd, libraries and recordings as this process.
    """
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    wanted = runs(recipe, protocol, seeds, utterances)
    missing = [run for run in wanted if results.read(run, folder) is None]
    if missing and n_workers and scheduler is None:
        prepare(recipe, utterances, n_workers)
    started = time.perf_counter()
    done = (
        _run_all(missing, n_workers, folder, checkpoints)
        if scheduler is None
        else _spread(missing, scheduler, folder, checkpoints)
    )
    for n_done, (run, result) in enumerate(done, start=1):
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


def _spread(missing: Sequence[Run], scheduler: str, folder: Path, checkpoints: Path) -> Iterator[tuple[Run, Result]]:
    if not missing:
        return
    from distributed import KilledWorker

    from models.lab import cluster

    with cluster.of_scheduler(scheduler) as client:
        made_of = cluster.require_same(client, _made_of, missing[0].recipe)
        for run, result in cluster.in_window(client, partial(_tried_far, made_of, checkpoints), missing):
            if isinstance(result, KilledWorker):
                raise LabError(
                    f"{run.name}: every worker that trained it was killed, for want of memory perhaps: start larger ones"
                )
            results.write(run, result, folder)
            client.run(_forget, run, checkpoints)
            yield run, result


def _made_of(recipe: Recipe) -> dict[str, str]:
    """All on which a result depends, beside the recipe. Raises LabError without the corpus."""
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    recordings = sorted(f"{each.path.name} {each.path.stat().st_size}" for each in utterances)
    sha256 = hashlib.sha256("\n".join(recordings).encode()).hexdigest()
    return {**code(LIBRARIES), f"{recipe.corpus.name}'s names and sizes, by sha256,": sha256}


def _tried_far(made_of: Mapping[str, str], checkpoints: Path, run: Run) -> Result:
    require_equal(_made_of(run.recipe), made_of, f"the worker on {platform.node()}")
    _train_on_one_thread()
    return _tried(run, checkpoints)


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
    _train_on_one_thread()


def _train_on_one_thread() -> None:
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
    result = _tried(run, checkpoints)
    results.write(run, result, folder)
    _forget(run, checkpoints)
    return result


def _forget(run: Run, checkpoints: Path) -> None:
    """What a run that is written down would go on from."""
    if not run.recipe.is_affectnet:  # whose folds are judged again, in noise: see `python -m benchmarks noise`
        checkpoint_of(run, checkpoints).unlink(missing_ok=True)


def checkpoint_of(run: Run, checkpoints: Path) -> Path:
    """Where a run keeps its state."""
    return checkpoints / run.recipe.name / f"{run.name}.pt"


def _tried(run: Run, checkpoints: Path) -> Result:
    recipe = run.recipe
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    dealt = as_dealt(recipe, utterances)
    fold = next(fold for fold in splits.folds(run.protocol, dealt, run.seed, recipe.share) if fold.name == run.fold)
    if run.protocol == splits.SPEAKER_INDEPENDENT:
        speakers = np.array([utterance.speaker for utterance in dealt])
        assert not set(speakers[fold.train]) & set(speakers[fold.test]), "a speaker is on both sides"
    material = gather(recipe, utterances)
    conditions: dict[str, Said] = {}
    answers: dict[str, list[str]] = {}
    fitted: Fitted[Any] | FittedTable
    if recipe.is_classical:
        fitted, said = _classical(run, material, fold)
    elif recipe.is_affectnet:
        fitted, said, conditions, answers = _affectnet(run, material, fold, checkpoints)
    else:
        fitted, said = _network(run, material, fold, checkpoint_of(run, checkpoints))
    n_train = sum(1 + len(material.copies[i]) for i in fold.train)
    truth, n_labels = material.truth[fold.test], len(recipe.labels)
    confusions = {name: metrics.confusion(truth, each, n_labels) for name, each in conditions.items()}
    result = _result(run, fitted, n_train, metrics.confusion(truth, said, n_labels), confusions)
    return replace(result, answers=answers)


def _affectnet(
    run: Run, material: Material, fold: Fold, checkpoints: Path
) -> tuple[Fitted[Any], Said, dict[str, Said], dict[str, list[str]]]:
    from models.lab.affectnet.fit import fit
    from models.lab.affectnet.heard import COLD, CONDITIONS, TOLD_IN_FULL
    from models.lab.affectnet.judge import probabilities
    from models.lab.affectnet.voices import judged, learnt
    from models.lab.train import beginning

    # no epoch is picked: what a share holds for validation is learnt from
    positions = np.sort(np.concatenate([fold.train, fold.validation]))
    begin = beginning(run.recipe, run.seed, checkpoints)
    part = learnt(material, run.recipe, positions)
    fitted = fit(run.recipe, part, run.seed, checkpoint_of(run, checkpoints), run.name, begin)
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
