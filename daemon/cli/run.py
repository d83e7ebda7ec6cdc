"""`affectd run`."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path

from daemon import settings as settings_file
from daemon.cli.terminal import stop_on_signals
from daemon.errors import SettingsError

RARELY = 50_000
SUMMARY = "The service, until it is told to stop."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its settings."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the settings, TOML")


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM, or until every recording has ended. Raises AffectdError, ModelError."""
    settings = settings_file.load(options.config)
    if not settings.source:
        raise SettingsError(f"{options.config}: no [[source]]: add one with a device from `affectd devices`")
    # what a start makes stays: to look through it for what does not, as often as usual, is a sixth of a start's work
    usual = gc.get_threshold()
    gc.set_threshold(RARELY, *usual[1:])
    from daemon import assembly
    from daemon.serve import Service
    from daemon.service.footprint import let_go_of_files

    model = assembly.open_model(settings.model.name)
    stop = stop_on_signals()
    with Service(settings, model) as service:
        # what is there now lives as long as the process: the collector need not look at it again
        gc.freeze()
        gc.set_threshold(*usual)
        let_go_of_files()
        service.run(stop)
    return 0
