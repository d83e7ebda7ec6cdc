"""TensorRT's engine, built in a step of its own: a service that did so at its start would be deaf for minutes."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Callable

from daemon import settings as settings_file
from daemon.service.doctor.inference import engines
from daemon.service.doctor.place import Place
from daemon.settings import ModelSettings
from models.providers import TENSORRT, Wish


def build(at: Place, say: Callable[[str], None]) -> str:
    """For the model of the settings, kept for who runs the service. Raises ModelError, SettingsError."""
    from models.runtime import open_model

    wanted = settings_file.load(at.config).model if at.config else ModelSettings()
    folder = engines(at)

    def slow(seconds: float) -> None:
        say(f"building TensorRT's engine for {wanted.name}: minutes, {seconds / 60.0:.0f} at most, and not a word meanwhile")

    model = open_model(wanted.name, Wish(TENSORRT, folder, slow))
    if folder:
        _hand_over(folder, at.user)
    return f"{wanted.name}: the engine is in {folder}, {model.inference.trial_ms:g} ms an answer"


def _hand_over(folder: Path, user: str) -> None:
    """What root has built is the service's."""
    if os.geteuid() != 0:
        return
    owner = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
