"""`affectd devices`."""

from __future__ import annotations

import argparse
import json

from daemon.cli.terminal import line, say

SUMMARY = "The microphones with their stable names."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How they are printed."""
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Raises DeviceError without PyAudio, or while a sound server hangs."""
    from daemon import listing

    rows = listing.devices()
    if options.json:
        line(json.dumps(rows, ensure_ascii=False))
    elif rows:
        line(listing.table([["NAME", "CARD ID", "USB PATH", "CHANNELS", "RATE", ""], *map(listing.device_cells, rows)]))
    else:
        say("no microphone: plug one in; as an ordinary user, be a member of the group audio")
    return 0
