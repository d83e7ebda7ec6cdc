"""`affectd models`."""

from __future__ import annotations

import argparse
import json

from daemon.cli.terminal import complain, line
from daemon.errors import EXIT_MODEL

SUMMARY = "The models with their licences and scores."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How they are printed."""
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """A broken model is one line, and the others are still shown."""
    from daemon import listing

    rows = listing.models()
    broken = any("error" in row for row in rows)
    if options.json:
        line(json.dumps(rows, ensure_ascii=False))
        return EXIT_MODEL if broken else 0
    for row in rows:
        if "error" in row:
            complain(row["error"])
    heading = ["NAME", "LICENCE", "TRAINED ON", "UAR, SPEAKERS NEVER HEARD", "LABELS"]
    cells = [listing.model_cells(row) for row in rows if "error" not in row]
    line(listing.table([heading, *cells]))
    return EXIT_MODEL if broken else 0
