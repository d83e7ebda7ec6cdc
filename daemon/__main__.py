"""The command line: parses, assembles, and turns each error into one line and an exit code."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import math
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Callable, NoReturn, Sequence

from daemon import settings as settings_file
from daemon.errors import AffectdError, RecordingError, SettingsError
from daemon.listen import arguments as listen_arguments
from daemon.settings import ModelSettings, SeatSettings, Settings
from models import registry
from models.errors import ModelError

EXIT_USAGE = 2
EXIT_MODEL = 5
EXIT_INTERRUPTED = 130
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".w64", ".caf")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="affectd: %(message)s", stream=sys.stderr)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
        return code
    except AffectdError as trouble:
        _complain(str(trouble))
        return trouble.exit_code
    except ModelError as trouble:
        _complain(str(trouble))
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
        _complain(f"{message}; see `{self.prog} --help`")
        sys.exit(EXIT_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="affectd", description="Tells over MQTT how the occupants of a vehicle feel; the sound never leaves the device."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, what: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=what, description=what)
        one.set_defaults(command=command)
        return one

    run = add("run", "The service, until it is told to stop.", _run)
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="the settings, TOML")

    demo = add("demo", "A private broker, the service, and each event as a separate subscriber received it.", _demo)
    demo.add_argument(
        "--source", metavar="mic|FILE", help="default: the microphone if there is one, else the bundled recording"
    )
    demo.add_argument("--once", action="store_true", help="end with the recording instead of playing it again")
    demo.add_argument("--port", type=int, default=0, help="of the private broker; default: any free one")
    _add_model(demo)

    replay = add(
        "replay",
        "The live path on a recording: JSON lines, the same bytes each time. As in the service, what was said teaches a model "
        "that knows of speakers how to hear what is said next.",
        _replay,
    )
    replay.add_argument("file", type=Path)
    replay.add_argument("--speed", type=_speed, default=None, metavar="N|max", help="times real time; default: max")
    replay.add_argument("--all", action="store_true", help="print states as well as utterances and episodes")
    _add_model(replay)

    analyze = add("analyze", "One result a recording, each utterance judged by itself.", _analyze)
    analyze.add_argument("paths", type=Path, nargs="+", metavar="FILE|DIR")
    analyze.add_argument("--json", action="store_true", help="one object a line")
    analyze.add_argument(
        "--adapt",
        action="store_true",
        help="one person speaks in a recording: let what was said teach a model that knows of speakers, as in the service",
    )
    _add_model(analyze)

    listen = add("listen", "What a broker has to say: each message once, what came while nobody listened, and gaps.", _listen)
    listen_arguments.add_arguments(listen)
    add("devices", "The microphones with their stable names.", _devices).add_argument("--json", action="store_true")
    add("models", "The models with their licences and scores.", _models).add_argument("--json", action="store_true")
    config = add("config", "Check a settings file, or show what Home Assistant is told by it.", _config)
    config.add_argument("action", choices=["check", "discovery"])
    config.add_argument("file", type=Path)
    config.add_argument("--json", action="store_true", help="print every setting, defaults included")
    return parser


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default=registry.DEFAULT, metavar="NAME|FILE", help=f"default: {registry.DEFAULT}")


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0.0):
        raise argparse.ArgumentTypeError(f"{text!r}: want a number above zero, or max")
    return speed


def _run(options: argparse.Namespace) -> int:
    settings = settings_file.load(options.config)
    if not settings.source:
        raise SettingsError(f"{options.config}: no [[source]]: add one with a device from `affectd devices`")
    from daemon import assembly
    from daemon.serve import Service

    model = assembly.open_model(settings.model.name)
    stop = _stop_on_signals()
    with Service(settings, model) as service:
        # what is there now lives as long as the process: the collector need not look at it again
        gc.collect()
        gc.freeze()
        service.run(stop)
    return 0


def _demo(options: argparse.Namespace) -> int:
    if not 0 <= options.port <= 65535:
        raise SettingsError(f"--port is {options.port}: want 1 to 65535, or 0 for any free one")
    from daemon.demo.demo import demo

    stop = _stop_on_signals()
    n_received = demo(options.source, options.once, options.port, options.model, stop, _line, _say)
    _say(f"{n_received} events received")
    return 0


def _listen(options: argparse.Namespace) -> int:
    listen_arguments.run(options, _stop_on_signals(), _line, _say)
    return 0


def _replay(options: argparse.Namespace) -> int:
    from daemon import analysis, assembly

    kinds = frozenset({"utterance", "episode", "state"} if options.all else {"utterance", "episode"})
    model = assembly.open_model(options.model)
    heard = analysis.replay(options.file, _settings(options.model), model, options.speed, kinds, _line)
    _remark(options.file, heard.remarks)
    _say(f"{heard.n_utterances} utterances in {heard.duration_s:.1f} s")
    return 0


def _analyze(options: argparse.Namespace) -> int:
    from daemon import analysis, assembly

    model = assembly.open_model(options.model)
    settings = replace(_settings(options.model), seat=SeatSettings(adapt=options.adapt))

    def answered(path: Path) -> int:
        try:
            if path.is_dir():
                return max([answered(one) for one in _recordings(path)])
            result = analysis.analyze(path, settings, model)
        except RecordingError as trouble:
            _complain(str(trouble))
            return trouble.exit_code
        if options.json:
            _line(json.dumps(result.as_dict(), ensure_ascii=False))
        else:
            _line(f"{path}: {result.label} ({result.confidence:.0%}), {result.duration_s:.1f} s, in {result.elapsed_ms:.0f} ms")
        _remark(path, result.remarks)
        return 0

    return max([answered(path) for path in options.paths])


def _recordings(folder: Path) -> list[Path]:
    found = sorted(one for one in folder.rglob("*") if one.suffix.lower() in SOUNDS and one.is_file())
    if not found:
        raise RecordingError(f"{folder}: no recordings in this folder ({', '.join(SOUNDS)})")
    return found


def _remark(path: Path, remarks: Sequence[str]) -> None:
    for remark in remarks:
        _say(f"{path}: {remark}")


def _devices(options: argparse.Namespace) -> int:
    from daemon import listing

    rows = listing.devices()
    if options.json:
        _line(json.dumps(rows, ensure_ascii=False))
    elif rows:
        heading = ["NAME", "CARD ID", "CHANNELS", "RATE", ""]
        cells = [
            [r["name"], r["card_id"], str(r["channels"]), f"{r['rate_hz']} Hz", "dummy" if r["dummy"] else ""] for r in rows
        ]
        _line(listing.table([heading, *cells]))
    else:
        _say("no microphone: plug one in; as an ordinary user, be a member of the group audio")
    return 0


def _models(options: argparse.Namespace) -> int:
    from daemon import listing

    rows = listing.models()
    broken = any("error" in row for row in rows)
    if options.json:
        _line(json.dumps(rows, ensure_ascii=False))
        return EXIT_MODEL if broken else 0
    for row in rows:
        if "error" in row:
            _complain(row["error"])
    heading = ["NAME", "LICENCE", "TRAINED ON", "UAR, SPEAKERS NEVER HEARD", "LABELS"]
    cells = [listing.model_cells(row) for row in rows if "error" not in row]
    _line(listing.table([heading, *cells]))
    return EXIT_MODEL if broken else 0


def _config(options: argparse.Namespace) -> int:
    from daemon import assembly
    from daemon.delivery import access, discovery
    from daemon.keeping import require_place
    from models.runtime import open_model

    settings = settings_file.load(options.file)
    contract = open_model(settings.model.name).contract
    try:
        assembly.listener(settings, contract)
        access.check(settings.broker)
        require_place(settings.seat.keep)
    except SettingsError as trouble:
        raise SettingsError(f"{options.file}: {trouble}") from trouble
    if options.action == "discovery":
        _line(discovery.message(settings, contract.labels)[1].decode())
    elif options.json:
        _line(json.dumps(settings.as_dict(), ensure_ascii=False))
    else:
        _line(f"{options.file}: good")
    return 0


def _settings(model_name: str) -> Settings:
    return replace(Settings(), model=ModelSettings(name=model_name))


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _line(text: str) -> None:
    print(text, flush=True)


def _say(text: str) -> None:
    print(f"affectd: {text}", file=sys.stderr, flush=True)


def _complain(text: str) -> None:
    print(f"affectd: error: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
