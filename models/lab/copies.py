"""Copies of a recording, its samples changed a little as in paper 5: the same each time, and their features kept on disk."""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Callable

import numpy as np
from numpy.typing import NDArray

import dsp
from dsp.offline import feature_frames
from models.lab import augment, egemaps
from models.lab.cabin_noise import TRAINING_KINDS, in_cabin
from models.lab.corpora import Utterance, corpora_root
from models.lab.feature_cache import FeatureCache
from models.lab.features import trimmed
from models.lab.noise import FOLDER
from models.lab.recipe import CABIN, COPIES, EGEMAPS, Recipe

Changed = NDArray[np.float32]

CABIN_SNR_DB = (-5.0, 20.0)

_CHANGES: dict[str, Callable[[Changed, np.random.Generator, int], Changed]] = {
    "noise": lambda samples, rng, _: augment.add_noise(samples, rng),
    "shift": augment.shift,
    "stretch": lambda samples, rng, _: augment.stretch(samples, rng),
    "pitch": augment.pitch_shift,
    **{each: lambda samples, rng, _: in_cabin(samples, rng, CABIN_SNR_DB, TRAINING_KINDS) for each in CABIN},
}
ORIGINAL = ""
"""What a recording is called among its copies."""


def copied(samples: NDArray[np.float32], copy: str, sample_rate_hz: int) -> NDArray[np.float32]:
    """(n,) -> a copy by one of the recipe's `COPIES`, or the samples themselves for `ORIGINAL`.

    What is drawn follows from the samples: a recording has one copy of each kind, whoever asks and whenever.
    """
    if copy == ORIGINAL:
        return samples
    rng = np.random.default_rng([COPIES.index(copy), zlib.crc32(samples.tobytes())])
    return _CHANGES[copy](samples, rng, sample_rate_hz)


def frames_of(utterance: Utterance, copy: str, recipe: Recipe, cache: FeatureCache) -> NDArray[np.float32]:
    """(n_frames, n_features) of a copy of the trimmed recording, read-only; of eGeMAPS, (1, 88).

    Raises LabError for a recording that cannot be read, and where openSMILE is wanted and not installed.
    """

    def compute() -> NDArray[np.float32]:
        samples = copied(trimmed(utterance, recipe), copy, recipe.front_end.sample_rate_hz)
        if EGEMAPS in recipe.statistics:
            return egemaps.egemaps(samples, recipe.front_end.sample_rate_hz)[np.newaxis]
        return feature_frames(samples, recipe.front_end)

    made_by = sources_sum() if copy == ORIGINAL else f"{sources_sum()} librosa {metadata.version('librosa')}"
    if copy in CABIN:
        made_by += f" {noise_sum(corpora_root())}"
    if EGEMAPS in recipe.statistics:
        made_by += f" openSMILE {egemaps.version()}"
    front_end = recipe.front_end.as_dict()
    parameters = {"copy": copy, "front_end": front_end, "trim_db": float(recipe.trim_db), "made_by": made_by}
    return cache.features(utterance.path, parameters, compute)


@lru_cache(maxsize=1)
def noise_sum(root: Path) -> str:
    """Of all that a cabin's noise is made of, the recordings included."""
    sources = [Path(__file__).parent / f"{name}.py" for name in ("cabin", "cabin_noise", "car_sounds", "noise")]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in [*sources, *sorted((root / FOLDER).glob("*"))])).hexdigest()


@lru_cache(maxsize=1)
def sources_sum() -> str:
    """Of all sources that features are made by: with any of them another, what was kept is not taken for theirs."""
    here = Path(__file__).parent
    ours = [here / f"{name}.py" for name in ("augment", "copies", "features")] + [here / "corpora" / "pcm.py"]
    sources = sorted(Path(str(dsp.__file__)).parent.rglob("*.py")) + ours
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
