"""`affectd run`."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.terminal import call_on_hangup, stop_on_signals

if TYPE_CHECKING:
    from daemon.service.notify import Notifier

RARELY = 50_000
SUMMARY = "The service, until it is told to stop; SIGHUP makes it read its settings again."
OPENING_S = 180.0
"""For the model, and for kernels that have to be compiled first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its settings."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the settings, TOML")


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM, or until every recording has ended. Raises AffectdError, ModelError."""
    from daemon.service import notify
    from daemon.service.backoff import BackOff

    notifier = notify.from_environment()
    if notifier.watchdog_s is not None:
        # what hangs is ended by SIGABRT: where each thread was is said then
        faulthandler.enable()
    stop = stop_on_signals()
    back_off = BackOff(os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0])
    back_off.wait(notifier, stop)
    if not stop.is_set():
        _serve(options.config, notifier, stop)
    back_off.end()
    return 0


def _serve(path: Path, notifier: Notifier, stop: threading.Event) -> None:
    notifier.extend(OPENING_S)
    notifier.status("starting: opens the model")
    # what a start makes stays: to look through it for what does not, as often as usual, is a sixth of a start's work
    usual = gc.get_threshold()
    gc.set_threshold(RARELY, *usual[1:])
    from daemon.preparing import prepare
    from daemon.service.footprint import let_go_of_files
    from daemon.service.lives import Asked, live
    from daemon.service.reloading import Reloader

    def settled() -> None:
        # what is there now lives as long as the service: the collector need not look at it again
        gc.freeze()
        gc.set_threshold(*usual)
        let_go_of_files()

    prepared = partial(prepare, on_slow=notifier.extend)
    first = prepared(path)
    reloader = Reloader(path, prepared, notifier)
    call_on_hangup(reloader.ask)
    live(first, Asked(stop, reloader), notifier, settled)
