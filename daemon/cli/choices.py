"""Arguments that several commands take, and how they are read."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from daemon.settings import ModelSettings, Settings
from models import registry


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`."""
    parser.add_argument("--model", default=registry.DEFAULT, metavar="NAME|FILE", help=f"default: {registry.DEFAULT}")


def settings_with(model_name: str) -> Settings:
    """The defaults, but for the model."""
    return replace(Settings(), model=ModelSettings(name=model_name))


def above_zero(text: str, wish: str) -> float:
    """A finite number above zero. Raises ArgumentTypeError with the wish."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0.0):
        raise argparse.ArgumentTypeError(f"{text!r}: want {wish}")
    return number


def count_above_zero(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not (text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: want a whole number above zero")
    return int(text)
