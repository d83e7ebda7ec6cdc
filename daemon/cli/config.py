"""`affectd config`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from daemon import settings as settings_file
from daemon.cli.terminal import line

SUMMARY = "Check a settings file, or show what Home Assistant is told by it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with which file."""
    parser.add_argument("action", choices=["check", "discovery"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="print every setting, defaults included")


def run(options: argparse.Namespace) -> int:
    """Raises SettingsError, ModelError."""
    from daemon.delivery import discovery
    from daemon.preparing import require_usable
    from models.runtime import open_model

    settings = settings_file.load(options.file)
    contract = open_model(settings.model.name).contract
    require_usable(options.file, settings, contract)
    if options.action == "discovery":
        line(discovery.message(settings, contract.labels)[1].decode())
    elif options.json:
        line(json.dumps(settings.as_dict(), ensure_ascii=False))
    else:
        line(f"{options.file}: good")
    return 0
