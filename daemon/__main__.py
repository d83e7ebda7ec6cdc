"""The command line: parses, hands over to the command, and turns each error into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import NoReturn, Sequence

from daemon.cli import analyze, collect, config, dashboard, demo, devices, doctor, listen, models, power_log, replay, run
from daemon.cli.terminal import complain
from daemon.errors import EXIT_MODEL, AffectdError
from daemon.service import journal
from models.errors import ModelError

logger = logging.getLogger(__name__)

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
COMMANDS = {
    "run": run,
    "demo": demo,
    "replay": replay,
    "analyze": analyze,
    "listen": listen,
    "collect": collect,
    "dashboard": dashboard,
    "devices": devices,
    "doctor": doctor,
    "models": models,
    "config": config,
    "power-log": power_log,
}
"""In the order of `affectd --help`. Each loads what it works with once its arguments are known to be right."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    to_log = journal.handler()
    logging.basicConfig(level=logging.INFO, handlers=[to_log])
    # a person reads a line, the journal keeps it as an error
    say_why = complain if isinstance(to_log, logging.StreamHandler) else logger.error
    try:
        code: int = options.command(options)
        sys.stdout.flush()
        return code
    except AffectdError as trouble:
        say_why(str(trouble))
        return trouble.exit_code
    except ModelError as trouble:
        say_why(str(trouble))
        return EXIT_MODEL
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


class _Parser(argparse.ArgumentParser):
    """Complains in one line, like everything else here."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see `{self.prog} --help`")
        sys.exit(EXIT_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="affectd", description="Tells over MQTT how the occupants of a vehicle feel; the sound never leaves the device."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.SUMMARY, description=command.SUMMARY)
        one.set_defaults(command=command.run)
        command.add_arguments(one)
    return parser


if __name__ == "__main__":
    sys.exit(main())
