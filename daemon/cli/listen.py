"""`affectd listen`."""

from __future__ import annotations

import argparse
import os
import sys

from daemon.cli import broker_arguments
from daemon.cli.choices import above_zero, count_above_zero
from daemon.cli.terminal import line, say, stop_on_signals
from daemon.errors import SettingsError
from daemon.settings import TOPIC_LEVEL

SUMMARY = "What a broker has to say: each message once, what came while nobody listened, and gaps."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them."""
    broker = broker_arguments.add(parser, "affectd-listen")
    broker.add_argument(
        "--group", metavar="NAME", help="share the messages with all who name this group: each goes to one of us (MQTT 5)"
    )
    what = parser.add_argument_group("what is shown")
    what.add_argument("--node", metavar="NAME", help="of this node alone; default: of all")
    what.add_argument("--json", action="store_true", help="one object a line")
    what.add_argument("--all", action="store_true", help="states as well as utterances and episodes")
    end = parser.add_argument_group("the end", "Without these: Ctrl-C.")
    end.add_argument("--count", type=count_above_zero, metavar="N", help="after so many messages")
    end.add_argument("--for", type=_seconds, dest="for_s", metavar="SECONDS", help="after so long a time of listening")
    end.add_argument(
        "--wait", type=_seconds, dest="wait_s", metavar="SECONDS", help="when no broker has answered for so long: exit code 4"
    )


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C, or as told. Raises BrokerError, SettingsError."""
    settings = broker_arguments.settings_of(options)
    if options.node is not None and not TOPIC_LEVEL.fullmatch(options.node):
        raise SettingsError(f"--node is {options.node!r}: want 1 to 64 letters, digits, - or _")
    # not those of --node or --group alone: a session keeps the subscriptions of the call before
    client_id = broker_arguments.client_id_of(options, "affectd-listen", options.node)
    # loads paho: after the arguments are known to be right
    from daemon.listen.command import Wish, listen
    from daemon.listen.lines import JsonForm, TextForm
    from daemon.listen.reader import NUMBERED, SHOWN

    kinds = tuple({*SHOWN, *NUMBERED}) if options.all else SHOWN
    wish = Wish(client_id, options.node, kinds, options.count, options.for_s, options.wait_s, options.group)
    form = JsonForm() if options.json else TextForm(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    listen(settings, wish, form, stop_on_signals(), line, say)
    return 0


def _seconds(text: str) -> float:
    return above_zero(text, "a number of seconds above zero")
