"""The 88 functionals of eGeMAPS (Eyben and others, 2016) by openSMILE: an optional baseline, free for research alone."""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.lab.errors import LabError

N_COLUMNS = 88
NOT_INSTALLED = (
    "openSMILE is not installed; its licence allows research only, so it is no part of affectd[lab]; "
    "to install it: pip install opensmile"
)


def version() -> str:
    """Of openSMILE's package. Raises LabError when it is not installed."""
    try:
        return metadata.version("opensmile")
    except metadata.PackageNotFoundError:
        raise LabError(NOT_INSTALLED) from None


def egemaps(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    """(n,) samples in -1..1 -> (88,) by openSMILE's configuration eGeMAPSv02. Raises LabError when it is not installed."""
    table = _smile().process_signal(samples, sample_rate_hz)
    return np.asarray(table.to_numpy(np.float32)).reshape(N_COLUMNS)


@lru_cache(maxsize=1)
def _smile() -> Any:
    version()
    import opensmile

    return opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals)
