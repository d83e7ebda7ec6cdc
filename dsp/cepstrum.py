"""The cosine transform that turns log-mel into MFCC."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dct_matrix(n_mfcc: int, n_mels: int) -> NDArray[np.float32]:
    """First `n_mfcc` rows of the orthonormal DCT-II: (n_mfcc, n_mels) float32. After Davis & Mermelstein (1980)."""
    k = np.arange(n_mfcc)[:, None]
    n = np.arange(n_mels)[None, :]
    rows = np.sqrt(2.0 / n_mels) * np.cos(np.pi * k * (2 * n + 1) / (2 * n_mels))
    rows[0] = np.sqrt(1.0 / n_mels)
    return np.asarray(rows, np.float32)
