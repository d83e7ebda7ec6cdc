"""`affectd dashboard`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from daemon import settings as settings_file
from daemon.cli.terminal import say, stop_on_signals
from daemon.errors import SettingsError
from daemon.settings import Settings

SUMMARY = "A page in the browser: the mood live, and a recording judged."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its settings, and what is set otherwise."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="the service's settings: [broker] and [dashboard] count")
    parser.add_argument("--host", metavar="ADDRESS", help="of ours to listen at; default: [dashboard] host, 127.0.0.1")
    parser.add_argument("--port", type=int, metavar="N", help="default: [dashboard] port, 8737; 0: any free one")
    parser.add_argument("--token-file", metavar="FILE", help="its first line lets a person in; needed but on loopback")


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C. Raises SettingsError."""
    if options.port is not None and not 0 <= options.port <= 65535:
        raise SettingsError(f"--port is {options.port}: want 1 to 65535, or 0 for any free one")
    settings = settings_file.load(options.config) if options.config else Settings()
    more = {key: value for key, value in (("host", options.host), ("token_file", options.token_file)) if value}
    try:
        settings = replace(settings, dashboard=replace(settings.dashboard, **more))
    except SettingsError as trouble:
        raise SettingsError(f"--host: {trouble}") from trouble
    try:
        from daemon.dashboard.serve import Dashboard
    except ModuleNotFoundError as trouble:
        raise SettingsError(f"{trouble.name} is not installed: type `pip install 'affectd[dashboard]'`") from trouble
    stop = stop_on_signals()
    with Dashboard(settings, options.port) as dashboard:
        say(f"dashboard: {dashboard.address}  Ctrl-C ends it")
        dashboard.run(stop)
    return 0
