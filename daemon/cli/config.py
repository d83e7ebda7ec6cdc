"""`affectd config`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Sequence

from daemon import settings as settings_file
from daemon.cli.terminal import line, say
from daemon.errors import SettingsError
from daemon.settings import Settings

SUMMARY = "Check a settings file, show what Home Assistant is told by it, or have it forget the device."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with which file."""
    parser.add_argument("action", choices=["check", "discovery"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="check: print every setting, defaults included")
    parser.add_argument(
        "--remove", action="store_true", help="discovery: have Home Assistant forget the device; exit code 4 without a broker"
    )


def run(options: argparse.Namespace) -> int:
    """Raises BrokerError, ModelError, SettingsError."""
    settings = settings_file.load(options.file)
    if options.remove:
        if options.action != "discovery":
            raise SettingsError("--remove goes with discovery: affectd config discovery --remove FILE")
        _remove(settings)
        return 0
    labels = _checked(settings, options.file)
    if options.action == "discovery":
        from daemon.delivery import discovery

        line(discovery.message(settings, labels)[1].decode())
    elif options.json:
        line(json.dumps(settings.as_dict(), ensure_ascii=False))
    else:
        line(f"{options.file}: good")
    return 0


def _checked(settings: Settings, file: Path) -> Sequence[str]:
    """All that a service would find wrong at its start; the labels of its model."""
    from daemon.preparing import require_usable
    from models.runtime import open_model

    contract = open_model(settings.model.name).contract
    require_usable(file, settings, contract)
    return contract.labels


def _remove(settings: Settings) -> None:
    """Home Assistant forgets a device whose description is taken back."""
    from daemon.delivery import discovery
    from daemon.delivery.mqtt.retained import take_back

    topic, where = discovery.topic(settings), f"broker {settings.broker.host}:{settings.broker.port}"
    done = take_back(settings.broker, f"affectd-{settings.node.name}-remove", topic)
    if not done.is_seen:
        line(f"{topic}: {where} was told to forget it; whether it has cannot be seen, check its access rules for that topic")
    else:
        line(f"{topic}: {'removed at' if done.was_there else 'was not there, at'} {where}")
    if settings.discovery.enabled:
        say("a service that runs tells it again at its next connection: set [discovery] enabled = false and restart it")
