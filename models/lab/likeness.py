"""What must be the same wherever a part of some work is done, for the whole to come out the same."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Mapping, Sequence

from models.lab.errors import LabError
from models.lab.versions import own_version

ROOT = Path(__file__).parents[2]
PACKAGES = ("dsp", "models", "daemon")


def code(libraries: Sequence[str]) -> dict[str, str]:
    """Of affectd its version and one sha256 over its sources, and the versions of libraries, "-" for one that is not there."""
    return {
        "affectd": own_version(),
        "affectd's sources": _sources_sha256(),
        **{name: _version(name) for name in libraries},
    }


@lru_cache(maxsize=1)
def _sources_sha256() -> str:
    """Once a process: what is changed on the disk later is not what runs in it."""
    whole = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        whole.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"


def difference(there: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """The first thing in which the two differ, in words; None when they are the same."""
    for name in {**here, **there}:
        if there.get(name) != here.get(name):
            return f"{name} is {_short(there.get(name))} there and {_short(here.get(name))} here"
    return None


def _short(value: str | None) -> str:
    return "not known" if value is None else value if len(value) < 64 else f"{value[:12]}..."


def require_equal(there: Mapping[str, str], here: Mapping[str, str], who: str) -> None:
    """Raises LabError that names the first thing in which the other differs."""
    differs = difference(there, here)
    if differs:
        raise LabError(f"{who}: {differs}, so that its results might differ, too: install the same on both")
