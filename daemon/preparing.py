"""From a settings file to what a service is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, NamedTuple

from daemon import assembly
from daemon import settings as settings_file
from daemon.cache_folder import engines_folder
from daemon.delivery.mqtt import access
from daemon.errors import SettingsError
from daemon.keeping import require_place
from daemon.ports import Model
from daemon.settings import Settings
from models.contract import Contract
from models.providers import Wish


class Prepared(NamedTuple):
    """Settings, and the model that they name."""

    settings: Settings
    model: Model


def prepare(path: Path, on_slow: Callable[[float], None]) -> Prepared:
    """Reads the file and opens the model; `on_slow`: see `models.providers.Wish`. Raises SettingsError, ModelError where no
    service can be made of it.
    """
    settings = settings_file.load(path)
    if not settings.source:
        raise SettingsError(f"{path}: no [[source]]: add one with a device from `affectd devices`")
    model = assembly.open_model(settings.model.name, Wish(settings.model.provider, engines_folder(), on_slow))
    require_usable(path, settings, model.contract)
    return Prepared(settings, model)


def require_usable(path: Path, settings: Settings, contract: Contract) -> None:
    """`contract`: of the model that they name. Raises SettingsError, as far as it can be said without making a service."""
    try:
        assembly.listener(settings, contract)
        access.check(settings.broker)
        require_place(settings.seat.keep)
    except SettingsError as trouble:
        raise SettingsError(f"{path}: {trouble}") from trouble
