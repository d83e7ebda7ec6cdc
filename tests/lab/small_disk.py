"""A disk on which nothing large has room."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond a kilobyte: the write itself fails half-way, as on a full disk.

    Nor may the test's own report, if that goes to a file: it must be over before there is something to say.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
