"""What a training was made with."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def versions(trained_by: str = "torch") -> dict[str, str]:
    """The versions of Python, of the library that did the training, of NumPy and of affectd."""
    return {
        "python": platform.python_version(),
        trained_by: metadata.version(trained_by),
        "numpy": np.__version__,
        "affectd": own_version(),
    }


def own_version() -> str:
    """Of affectd."""
    try:
        return metadata.version("affectd")
    except metadata.PackageNotFoundError:  # run from the source tree
        return str(tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"])
