"""Memory that only the start needed is given back."""

from __future__ import annotations

import ctypes
import logging
import re
from pathlib import Path
from typing import Iterator

logger = logging.getLogger(__name__)

SMAPS = Path("/proc/self/smaps")
MADV_DONTNEED = 4
"""As in Linux's <asm-generic/mman-common.h>, the same on all that we run on."""
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ +(/.*)$")


def let_go_of_files() -> None:
    """Let go of the pages of programs and libraries that are as they lie on disk: what is used again comes back by itself.

    Half of what the service has in memory after its start is the machine code of LLVM, with which Numba has linked the kernels;
    nothing of it runs later on. Where the kernel does not tell what is mapped, nothing is let go of.
    """
    try:
        mapped = SMAPS.read_text()
        madvise = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, AttributeError) as trouble:
        logger.debug("memory of the start is kept: %s", trouble)
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in untouched(mapped):
        if madvise(start, end - start, MADV_DONTNEED):
            logger.debug("%x-%x is kept: errno %d", start, end, ctypes.get_errno())


def untouched(smaps: str) -> Iterator[tuple[int, int]]:
    """First and last address of each mapping of a file, as /proc/PID/smaps tells of them, that cannot be written to and of
    which no page was ever changed: a page that was would be lost, and come back as it is on disk."""
    place: tuple[int, int] | None = None
    for line in smaps.splitlines():
        mapping = _MAPPING.match(line)
        if mapping:
            start, end, rights, _ = mapping.groups()
            # private: what others share with us is theirs, too
            place = (int(start, 16), int(end, 16)) if rights[0] == "r" and rights[1] == "-" and rights[3] == "p" else None
        elif re.match(r"^[0-9a-f]+-", line):
            place = None
        elif line.startswith("Anonymous:"):
            if place is not None and int(line.split()[1]) == 0:
                yield place
            place = None
