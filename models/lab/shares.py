"""What speakers of no row say of the share that the log-mel's branch has of AffectNet's answer: read, and put into words.

`affectnet/sweep.py` asks them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab.measured import MEASURED, Measured, measured

QUESTION = "share"
SHARES = tuple(k / 10 for k in range(11))
"""Of the branch over log-mel."""
NEAR = 1.0
"""In points: what is so near to the best is as good."""

THE_SHARE = (
    "That AffectNet's branch over log-mel has three tenths of the answer was first set with the test parts of seed 0 of EMO-DB "
    "and RAVDESS in view: with equal shares EMO-DB's UAR was 3 to 4 points lower there, RAVDESS's no lower. Speakers of "
    "nEMO and TESS, who are in no row of EMO-DB, RAVDESS or CASIA, were asked since, and it stays."
)
"""How it came to be."""

Uars = Mapping[str, Sequence[float]]
"""One speaker's in per cent, by condition, one a share of `SHARES`."""


def at_hand(folder: Path = MEASURED) -> list[Measured]:
    """One a model that was asked. Raises LabError for a file that holds something else."""
    models = sorted(path.parent.name for path in folder.glob(f"*/{QUESTION}.json"))
    return [each for model in models for each in measured(model, folder) if each.question == QUESTION]


def means(uars: Sequence[Uars]) -> dict[str, NDArray[np.float64]]:
    """By condition, the mean over speakers: (n_shares,). Everybody counts alike."""
    return {name: np.mean([of_speaker[name] for of_speaker in uars], axis=0) for name in uars[0]}


def everybody(found: Measured) -> list[Uars]:
    """The speakers of all corpora."""
    return [uars for of_corpus in found.figures["uars"].values() for uars in of_corpus.values()]


def whose(found: Measured) -> str:
    """Who was asked, in words."""
    return f"{len(everybody(found))} speakers of {' and '.join(found.figures['uars'])}"


def told(found: Measured) -> str:
    """How good the share that ships is, by the mean over speakers and conditions, beside the best."""
    ships = float(found.figures["share"])
    mean = np.mean(list(means(everybody(found)).values()), axis=0)
    best = int(mean.argmax())
    near = [SHARES[k] for k in np.flatnonzero(mean >= mean[best] - NEAR)]
    the_most = "the most" if SHARES[best] == ships else f"and the most, {mean[best]:.1f} %, at {SHARES[best]:g}"
    return (
        f"of {whose(found)} `{found.model}` has {mean[SHARES.index(ships)]:.1f} % at {ships:g}, {the_most}; "
        f"within a point of that from {near[0]:g} to {near[-1]:g}"
    )
