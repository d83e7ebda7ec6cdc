"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from dataclasses import replace

from daemon.settings import ModelSettings, Settings
from models import registry


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`."""
    parser.add_argument("--model", default=registry.DEFAULT, metavar="NAME|FILE", help=f"default: {registry.DEFAULT}")


def settings_with(model_name: str) -> Settings:
    """The defaults, but for the model."""
    return replace(Settings(), model=ModelSettings(name=model_name))
