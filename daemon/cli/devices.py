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
    """Raises DeviceError without PyAudio."""
    from daemon import listing

    rows = listing.devices()
    if options.json:
        line(json.dumps(rows, ensure_ascii=False))
    elif rows:
        heading = ["NAME", "CARD ID", "CHANNELS", "RATE", ""]
        cells = [
            [r["name"], r["card_id"], str(r["channels"]), f"{r['rate_hz']} Hz", "dummy" if r["dummy"] else ""] for r in rows
        ]
        line(listing.table([heading, *cells]))
    else:
        say("no microphone: plug one in; as an ordinary user, be a member of the group audio")
    return 0
