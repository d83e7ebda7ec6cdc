"""Where the rows are kept."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.settings import Settings
from daemon.state_folder import state_folder

FILE = "power.csv"


def place_of(settings: Settings) -> Path:
    """Of the table. As a service of systemd's the logger has a folder of its own. Raises SettingsError."""
    if settings.power.csv:
        return Path(settings.power.csv)
    by_systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return (Path(by_systemd) if by_systemd else state_folder(settings)) / FILE
