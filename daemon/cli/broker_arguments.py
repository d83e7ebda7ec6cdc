"""The arguments that name a broker, for the commands that listen to one."""

from __future__ import annotations

import argparse
import re
import socket
from dataclasses import replace
from pathlib import Path

from daemon import settings as settings_file
from daemon.errors import SettingsError
from daemon.settings import TOPIC_LEVEL, BrokerSettings

PLACE = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
TLS_PORT = 8883
SAME = ("username", "password_file", "protocol", "tls", "ca_file", "cert_file", "key_file")
"""Arguments that are settings of [broker] by the same name."""
CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def add(parser: argparse.ArgumentParser, command: str) -> argparse._ArgumentGroup:
    """All of them, in a group of their own; `command`: begins the client id."""
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
        "--client-id", metavar="ID", help=f"names the session that the broker keeps; default: {command}-<this machine>"
    )
    return broker


def settings_of(options: argparse.Namespace, tls_port: int = TLS_PORT, port: int | None = None) -> BrokerSettings:
    """Those of the settings file, and over it what the command line says. Its client id is the service's: never ours.

    `port`: where neither says one; None: the settings' own. Raises SettingsError.
    """
    settings = settings_file.load(options.config).broker if options.config else BrokerSettings()
    more = {name: getattr(options, name) for name in SAME if getattr(options, name)}
    if options.password_file:
        more["password_credential"] = ""
    if port is not None and not options.config:
        more["port"] = tls_port if options.tls else port
    if options.broker:
        place = PLACE.fullmatch(options.broker)
        if place is None:
            raise SettingsError(f"--broker is {options.broker!r}: want HOST or HOST:PORT, as in 192.168.1.10:1883")
        more["host"] = place["v6"] or place["name"]
        more["port"] = int(place["port"] or (tls_port if options.tls else more.get("port", settings.port)))
    try:
        return replace(settings, **more)
    except SettingsError as trouble:
        raise SettingsError(f"--broker: {trouble}" if options.broker else str(trouble)) from trouble


def client_id_of(options: argparse.Namespace, command: str, *more: str | None) -> str:
    """As told, or by the command, this machine, what else makes a session of its own, and the group. Raises SettingsError."""
    group = options.group
    if group is not None and not TOPIC_LEVEL.fullmatch(group):
        raise SettingsError(f"--group is {group!r}: want 1 to 64 letters, digits, - or _")
    if options.client_id is not None and not CLIENT_ID.fullmatch(options.client_id):
        raise SettingsError(f"--client-id is {options.client_id!r}: want 1 to 128 letters, digits, -, _ or .")
    return options.client_id or "-".join([command, _machine(), *(each for each in (*more, group) if each)])


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "here"
