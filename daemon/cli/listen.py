"""`affectd listen`."""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

from daemon import settings as settings_file
from daemon.cli.choices import above_zero
from daemon.cli.terminal import line, say, stop_on_signals
from daemon.errors import SettingsError
from daemon.settings import TOPIC_LEVEL, BrokerSettings

SUMMARY = "What a broker has to say: each message once, what came while nobody listened, and gaps."
PLACE = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
TLS_PORT = 8883
SAME = ("username", "password_file", "protocol", "tls", "ca_file", "cert_file", "key_file")
"""Arguments that are settings of [broker] by the same name."""
CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them."""
    broker = parser.add_argument_group("the broker")
    broker.add_argument("--broker", metavar="HOST[:PORT]", help="default: 127.0.0.1:1883")
    broker.add_argument("--config", type=Path, metavar="FILE", help="take the service's [broker] from its settings")
    broker.add_argument("--username", metavar="NAME")
    broker.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    broker.add_argument("--protocol", choices=["auto", "5", "3.1.1"], help="MQTT's version; default: 5 where there is one")
    broker.add_argument("--tls", action="store_true", help="with TLS; its port is 8883 unless another is given")
    broker.add_argument("--ca-file", metavar="FILE", help="the CA of the broker's certificate; default: the system's")
    broker.add_argument("--cert-file", metavar="FILE", help="our certificate, where the broker wants one")
    broker.add_argument("--key-file", metavar="FILE", help="its private key")
    broker.add_argument(
        "--client-id", metavar="ID", help="names the session that the broker keeps; default: affectd-listen-<this machine>"
    )
    what = parser.add_argument_group("what is shown")
    what.add_argument("--node", metavar="NAME", help="of this node alone; default: of all")
    what.add_argument("--json", action="store_true", help="one object a line")
    what.add_argument("--all", action="store_true", help="states as well as utterances and episodes")
    end = parser.add_argument_group("the end", "Without these: Ctrl-C.")
    end.add_argument("--count", type=_count, metavar="N", help="after so many messages")
    end.add_argument("--for", type=_seconds, dest="for_s", metavar="SECONDS", help="after so long a time of listening")
    end.add_argument(
        "--wait", type=_seconds, dest="wait_s", metavar="SECONDS", help="when no broker has answered for so long: exit code 4"
    )


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C, or as told. Raises BrokerError, SettingsError."""
    settings = _broker(options)
    if options.node is not None and not TOPIC_LEVEL.fullmatch(options.node):
        raise SettingsError(f"--node is {options.node!r}: want 1 to 64 letters, digits, - or _")
    if options.client_id is not None and not CLIENT_ID.fullmatch(options.client_id):
        raise SettingsError(f"--client-id is {options.client_id!r}: want 1 to 128 letters, digits, -, _ or .")
    # loads paho: after the arguments are known to be right
    from daemon.listen.command import Wish, listen
    from daemon.listen.lines import JsonForm, TextForm
    from daemon.listen.reader import NUMBERED, SHOWN

    # not those of --node alone: a session keeps the subscriptions of the call before
    client_id = options.client_id or "-".join(["affectd-listen", _machine(), *([options.node] if options.node else [])])
    kinds = tuple({*SHOWN, *NUMBERED}) if options.all else SHOWN
    wish = Wish(client_id, options.node, kinds, options.count, options.for_s, options.wait_s)
    form = JsonForm() if options.json else TextForm(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    listen(settings, wish, form, stop_on_signals(), line, say)
    return 0


def _broker(options: argparse.Namespace) -> BrokerSettings:
    """That of the settings file, and over it what the command line says. Its client id is the service's: never ours."""
    settings = settings_file.load(options.config).broker if options.config else BrokerSettings()
    more = {name: getattr(options, name) for name in SAME if getattr(options, name)}
    if options.password_file:
        more["password_credential"] = ""
    if options.broker:
        place = PLACE.fullmatch(options.broker)
        if place is None:
            raise SettingsError(f"--broker is {options.broker!r}: want HOST or HOST:PORT, as in 192.168.1.10:1883")
        more["host"] = place["v6"] or place["name"]
        more["port"] = int(place["port"] or (TLS_PORT if options.tls else settings.port))
    try:
        return replace(settings, **more)
    except SettingsError as trouble:
        raise SettingsError(f"--broker: {trouble}" if options.broker else str(trouble)) from trouble


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "here"


def _count(text: str) -> int:
    if not (text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: want a whole number above zero")
    return int(text)


def _seconds(text: str) -> float:
    return above_zero(text, "a number of seconds above zero")
