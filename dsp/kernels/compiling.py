"""How the kernels are compiled, and where the compiled code is kept."""

from __future__ import annotations

from typing import Any, Callable

import numba


def njit(function: Callable[..., Any]) -> Any:
    """`function` compiled at its first call, and kept on disk for the next start.

    Numba keeps it beside the source, else in the user's cache folder, or where NUMBA_CACHE_DIR says. Where none of these can be
    written, the function is compiled at every start: slower by some seconds, and right all the same.
    """
    # error_model: a division by zero gives infinity instead of a branch; fastmath stays off, since it breaks equal bits
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as trouble:
        if "no locator available" not in str(trouble):
            raise
        return numba.njit(**options)(function)
