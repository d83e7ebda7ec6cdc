"""Slopes of features over the last frames."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dsp.kernels.compiling import njit_inner

F32 = NDArray[np.float32]


@njit_inner
def slopes(out: F32, n_frames: int, from_column: int, to_column: int, is_first: bool, before: F32) -> None:
    """Least-squares slope, per frame, of the last `len(before) + 1` values of each column, to `out[:n_frames, to_column:]`.

    `before` (delta_frames - 1, n_columns) holds the frames before `out[0]`, and then those before the next call's. A stream
    begins as if its first frame had been there before.
    """
    n_before, n_columns = before.shape
    half = n_before // 2
    scale = numba.float32(3.0) / numba.float32(half * (half + 1) * (2 * half + 1))
    if is_first:
        for k in range(n_before):
            for c in range(n_columns):
                before[k, c] = out[0, from_column + c]
    for i in range(n_frames):
        for c in range(n_columns):
            out[i, to_column + c] = numba.float32(0.0)
        for j in range(1, half + 1):
            late, early = i - half + j, i - half - j
            for c in range(n_columns):
                newer = out[late, from_column + c] if late >= 0 else before[n_before + late, c]
                older = out[early, from_column + c] if early >= 0 else before[n_before + early, c]
                out[i, to_column + c] += numba.float32(j) * (newer - older)
        for c in range(n_columns):
            out[i, to_column + c] *= scale
    for k in range(n_before):
        came_from = n_frames - n_before + k
        for c in range(n_columns):
            before[k, c] = out[came_from, from_column + c] if came_from >= 0 else before[n_before + came_from, c]
