"""`affectd power-log`."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path
from typing import Any

from daemon import settings as settings_file
from daemon.cli.terminal import line, say, stop_on_signals
from daemon.errors import SettingsError
from daemon.settings import Settings

SUMMARY = "Writes down watts, temperatures and clocks beside the service's latency; or reports what was written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to log by, or what to report on."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="the settings, TOML: log until SIGTERM or Ctrl-C")
    what.add_argument("--report", type=Path, nargs="+", metavar="FILE", help="what these files of rows say, in figures")
    parser.add_argument("--once", action="store_true", help="with --config: measure once, print it as JSON, and end")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="with --report: draw power, temperature and latency")
    parser.add_argument("--json", action="store_true", help="with --report: the figures as an object")


def run(options: argparse.Namespace) -> int:
    """Raises SettingsError."""
    if options.report:
        if options.once:
            raise SettingsError("--once goes with --config")
        return _report(options)
    if options.plot or options.json:
        raise SettingsError("--plot and --json go with --report")
    settings = settings_file.load(options.config)
    return _once(settings) if options.once else _log(settings)


def _log(settings: Settings) -> int:
    from daemon.delivery.mqtt.companion import Companion
    from daemon.power.logger import PowerLogger
    from daemon.power.place import place_of
    from daemon.power.table import Table

    place, node = place_of(settings), settings.node.name
    stop = stop_on_signals()
    table = Table(place, settings.power.max_bytes, settings.power.files)

    def publish(body: dict[str, Any]) -> None:
        companion.publish_now(f"affectd/{node}/power", json.dumps(body, separators=(",", ":"), allow_nan=False).encode())

    power = PowerLogger(settings.power, node, table, publish)
    client_id = f"{settings.broker.client_id or f'affectd-{node}'}-power"
    companion = Companion(
        settings.broker, client_id, [f"affectd/{node}/health"], lambda one: power.hear(one.payload, one.retained)
    )
    say(f"rows go to {place}")
    try:
        with companion:
            power.run(stop)
    finally:
        power.close()
        table.close()
    return 0


def _once(settings: Settings) -> int:
    from daemon.power.logger import PowerLogger
    from daemon.power.snapshot import body

    class Nowhere:
        def write(self, _cells: object) -> None:
            """Nothing is kept."""

    power = PowerLogger(settings.power, settings.node.name, Nowhere(), lambda _body: None)
    try:
        power.await_reading(threading.Event())
        # the use of the CPU is that of a time
        threading.Event().wait(settings.power.interval_s)
        line(json.dumps(body(power.step(), settings.node.name), ensure_ascii=False))
    finally:
        power.close()
    return 0


def _report(options: argparse.Namespace) -> int:
    from daemon.power.report import figures_of, lines_of
    from daemon.power.trace import read_traces

    trace = read_traces(options.report)
    for remark in trace.remarks:
        say(remark)
    figures = figures_of(trace)
    if options.json:
        line(json.dumps(figures.as_dict(), ensure_ascii=False))
    else:
        for text in lines_of(figures):
            line(text)
    if options.plot:
        from daemon.power.picture import draw

        draw(trace, figures, options.plot)
    return 0
