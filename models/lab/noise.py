"""Recorded noise to train against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.lab.corpora import read_pcm
from models.lab.corpora.corpus import SUFFIXES, NotAtHand

FOLDER = "NOISE"


def recorded(root: Path, sample_rate_hz: int) -> dict[str, NDArray[np.int16]]:
    """The recordings of the folder NOISE under `root` by name. Raises NotAtHand when that is not there or empty."""
    paths = sorted(path for path in (root / FOLDER).glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise NotAtHand(f"no recordings in {root / FOLDER}; set AFFECTD_CORPORA to the folder that holds {FOLDER}/")
    return {path.stem: read_pcm(path, sample_rate_hz) for path in paths}
