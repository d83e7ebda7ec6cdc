"""What a training was made with."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def versions() -> dict[str, str]:
    """The versions of Python, torch, NumPy and affectd."""
    try:
        own = metadata.version("affectd")
    except metadata.PackageNotFoundError:  # run from the source tree
        own = str(tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"])
    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__, "affectd": own}
