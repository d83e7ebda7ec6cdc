"""What it is worth to ask a stream's network for several utterances in one run: their states gathered, and scattered again."""

from __future__ import annotations

from typing import Any

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
    shapes: dict[str, list[int]] = {}
    for put in session.get_inputs():
        shapes[put.name] = [n if isinstance(n, int) else 1 for n in put.shape]
    shapes[LOG_MEL][1] = contract.stride_frames
    feed = {name: rng.standard_normal([1, *shape[1:]]).astype(np.float32) for name, shape in shapes.items()}
    for name in (FUNCTIONALS, *HEARD):
        feed[name] = np.zeros_like(feed[name])
    outputs = [put.name for put in session.get_outputs()]
    states = [name for name in feed if name.startswith(STATE)]
    found = []
    for n in BATCHES:
        kept = [{name: feed[name].copy() for name in states} for _ in range(n)]

        def apart(_: int, kept: list[dict[str, F32]] = kept) -> None:
            for one in kept:
                _keep(one, dict(zip(outputs, session.run(outputs, {**feed, **one}))), slice(None))

        def together(_: int, kept: list[dict[str, F32]] = kept, n: int = n) -> None:
            gathered = {name: np.concatenate([one[name] for one in kept]) for name in states}
            rest = {name: np.repeat(values, n, axis=0) for name, values in feed.items() if name not in gathered}
            answers = dict(zip(outputs, session.run(outputs, {**rest, **gathered})))
            for k, one in enumerate(kept):
                _keep(one, answers, slice(k, k + 1))

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


def _keep(state: dict[str, F32], answers: dict[str, Any], rows: slice) -> None:
    for name in state:
        state[name] = np.ascontiguousarray(answers[NEXT + name[len(STATE) :]][rows])
