"""How the kernels are compiled, and where the compiled code is kept."""

from __future__ import annotations

from typing import Any, Callable

import numba


def njit(function: Callable[..., Any]) -> Any:
    """`function`, which Python calls, compiled at its first call, and kept on disk for the next start.

    Numba keeps it beside the source, else in the user's cache folder, or where NUMBA_CACHE_DIR says. Where none of these can be
    written, the function is compiled at every start: slower by some seconds, and right all the same.
    """
    return _compiled(function, no_cpython_wrapper=False)


def njit_inner(function: Callable[..., Any]) -> Any:
    """As `njit`, of a function that other compiled functions alone call.

    The door that lets Python in takes apart each argument, and is most of what a small function compiles to: without those
    doors all kernels together compile in four fifths of the time.
    """
    return _compiled(function, no_cpython_wrapper=True)


def _compiled(function: Callable[..., Any], no_cpython_wrapper: bool) -> Any:
    options = {
        "nogil": True,
        # a division by zero gives infinity instead of a branch; fastmath stays off, since it breaks equal bits
        "error_model": "numpy",
        # nobody calls a kernel from C
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": no_cpython_wrapper,
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as trouble:
        if "no locator available" not in str(trouble):
            raise
        return numba.njit(**options)(function)
