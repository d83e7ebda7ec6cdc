"""What it is worth to ask a stream's network for several utterances in one run: their states gathered, and scattered again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.rounds import alternate, ratio
from dsp.params import LOG_MEL
from models.registry import Artefact
from models.session import open_file
from models.streaming import FUNCTIONALS, HEARD, NEXT, STATE

BATCHES = (2, 4, 8, 16, 32)
F32 = NDArray[np.float32]


def batched(artefact: Artefact, n_rounds: int) -> list[dict[str, float]]:
    """Microseconds an utterance for a piece of the usual length, one by one and in one run, by the size of the batch."""
    session, contract = open_file(artefact)
    rng = np.random.default_rng(0)
    feed: dict[str, F32] = {}
    of_batch: dict[str, int] = {}
    """The axis of each input that counts utterances: the LSTM's state has its layers first."""
    for put in session.get_inputs():
        open_axes = [axis for axis, n in enumerate(put.shape) if not isinstance(n, int)]
        of_batch[put.name] = open_axes[0]
        shape = [n if isinstance(n, int) else 1 for n in put.shape]
        if put.name == LOG_MEL:
            shape[1] = contract.stride_frames
        feed[put.name] = rng.standard_normal(shape).astype(np.float32)
    for name in (FUNCTIONALS, *HEARD):
        feed[name] = np.zeros_like(feed[name])
    outputs = [put.name for put in session.get_outputs()]
    states = [name for name in feed if name.startswith(STATE)]
    found = []
    for n in BATCHES:
        kept = [{name: feed[name].copy() for name in states} for _ in range(n)]

        def apart(_: int, kept: list[dict[str, F32]] = kept) -> None:
            for one in kept:
                answers = dict(zip(outputs, session.run(outputs, {**feed, **one})))
                one.update({name: answers[_next(name)] for name in one})

        def together(_: int, kept: list[dict[str, F32]] = kept, n: int = n) -> None:
            gathered = {name: np.concatenate([one[name] for one in kept], of_batch[name]) for name in states}
            rest = {name: np.repeat(values, n, of_batch[name]) for name, values in feed.items() if name not in gathered}
            answers = dict(zip(outputs, session.run(outputs, {**rest, **gathered})))
            for name in states:
                for one, values in zip(kept, np.split(answers[_next(name)], n, of_batch[name])):
                    one[name] = np.ascontiguousarray(values)

        sides = {"apart": apart, "together": together}
        alternate(sides, 4)
        ns = alternate(sides, max(4, n_rounds // n))
        each = {name: float(np.median(values)) / 1e3 / n for name, values in ns.items()}
        found.append(
            {
                "batch": n,
                "apart_us": round(each["apart"], 1),
                "together_us": round(each["together"], 1),
                "times": round(ratio(ns["apart"], ns["together"]), 3),
                "count": len(ns["apart"]),
            }
        )
    return found


def _next(state: str) -> str:
    """The output that becomes this input."""
    return NEXT + state[len(STATE) :]
