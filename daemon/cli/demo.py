"""`affectd demo`."""

from __future__ import annotations

import argparse

from daemon.cli.choices import add_model
from daemon.cli.terminal import line, say, stop_on_signals
from daemon.errors import SettingsError

SUMMARY = "A private broker, the service, its page in the browser, and each event as a separate subscriber received it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is heard, and where the broker is."""
    parser.add_argument(
        "--source", metavar="mic|FILE", help="default: the microphone if there is one, else the bundled recording"
    )
    parser.add_argument("--once", action="store_true", help="end with the recording instead of playing it again")
    parser.add_argument("--port", type=int, default=0, help="of the private broker; default: any free one")
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C. Raises AffectdError, ModelError."""
    if not 0 <= options.port <= 65535:
        raise SettingsError(f"--port is {options.port}: want 1 to 65535, or 0 for any free one")
    from daemon.demo.demo import demo

    stop = stop_on_signals()
    n_received = demo(options.source, options.once, options.port, options.model, stop, line, say)
    say(f"{n_received} events received")
    return 0
