"""`affectd collect`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from daemon.cli import broker_arguments
from daemon.cli.choices import above_zero, count_above_zero
from daemon.cli.terminal import say, stop_on_signals
from daemon.errors import SettingsError

SUMMARY = "A fleet's messages from a broker into Parquet files by day and node: none lost, each once."
EVERY_S = 30.0
AMQP_PORT, AMQPS_PORT = 5672, 5671


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them."""
    parser.add_argument("--into", type=Path, metavar="DIR", required=True, help="the archive's folder; it is made")
    broker = broker_arguments.add(parser, "affectd-collect")
    broker.add_argument("--group", metavar="NAME", help="share the messages with all who name this group (MQTT 5)")
    broker.add_argument(
        "--queue", metavar="NAME", help="of RabbitMQ: read from this queue, over AMQP (port 5672, with TLS 5671)"
    )
    parser.add_argument(
        "--every", type=_seconds, dest="every_s", metavar="SECONDS", default=EVERY_S, help="write so often; default: 30"
    )
    parser.add_argument("--count", type=count_above_zero, metavar="N", help="end after so many messages")
    parser.add_argument(
        "--wait", type=_seconds, dest="wait_s", metavar="SECONDS", help="when no broker has answered for so long: exit code 4"
    )
    parser.add_argument(
        "--compact", action="store_true", help="no broker: make one file of each past day and node, each message once; end"
    )


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C, or as told. Raises BrokerError, SettingsError."""
    if options.queue and options.group:
        raise SettingsError("--queue and --group: want one; who reads from a queue shares it with all others who do")
    ports = (AMQPS_PORT, AMQP_PORT) if options.queue else (broker_arguments.TLS_PORT, None)
    settings = broker_arguments.settings_of(options, *ports)
    client_id = broker_arguments.client_id_of(options, "affectd-collect")
    try:
        from daemon.collect.command import Wish, collect, from_queue, from_topics

        if options.compact:
            from daemon.collect.compact import compact

            compact(options.into, say)
            return 0
        source = from_queue(settings, options.queue) if options.queue else from_topics(settings, client_id, options.group)
    except ModuleNotFoundError as trouble:
        raise SettingsError(f"{trouble.name} is not installed: type `pip install 'affectd[fleet]'`") from trouble
    # what it has to say of each attempt we say in one line
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    wish = Wish(options.into, options.every_s, options.count, options.wait_s)
    collect(source, f"{settings.host}:{settings.port}", wish, stop_on_signals(), say)
    return 0


def _seconds(text: str) -> float:
    return above_zero(text, "a number of seconds above zero")
