"""The folder of what can be made anew, but only slowly: TensorRT's engines."""

from __future__ import annotations

import os
from pathlib import Path

ENGINES = "engines"


def cache_folder() -> Path | None:
    """systemd's, else the user's; None for a user without a home. Nothing is made here."""
    # systemd names several folders where a unit asks for several
    by_systemd = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if by_systemd:
        return Path(by_systemd)
    # the desktops' rule says that a relative path is to be passed over
    by_user = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(by_user):
        return Path(by_user) / "affectd"
    try:
        return Path.home() / ".cache" / "affectd"
    except RuntimeError:
        return None


def engines_folder() -> Path | None:
    """Where engines are kept."""
    folder = cache_folder()
    return folder / ENGINES if folder else None
