"""`affectd analyze`."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from daemon.cli.choices import add_model, settings_with
from daemon.cli.terminal import complain, line, say
from daemon.errors import RecordingError
from daemon.settings import SeatSettings

SUMMARY = "One result a recording, each utterance judged by itself."
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".w64", ".caf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recordings, and how the results are printed."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|DIR")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="one person speaks in a recording: let what was said teach a model that knows of speakers, as in the service",
    )
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """A bad recording is one line, and the others are still answered. Raises ModelError."""
    from daemon import analysis, assembly

    model = assembly.open_model(options.model)
    settings = replace(settings_with(options.model), seat=SeatSettings(adapt=options.adapt))

    def answered(path: Path) -> int:
        try:
            if path.is_dir():
                return max([answered(one) for one in _recordings(path)])
            result = analysis.analyze(path, settings, model)
        except RecordingError as trouble:
            complain(str(trouble))
            return trouble.exit_code
        if options.json:
            line(json.dumps(result.as_dict(), ensure_ascii=False))
        else:
            line(f"{path}: {result.label} ({result.confidence:.0%}), {result.duration_s:.1f} s, in {result.elapsed_ms:.0f} ms")
        for remark in result.remarks:
            say(f"{path}: {remark}")
        return 0

    return max([answered(path) for path in options.paths])


def _recordings(folder: Path) -> list[Path]:
    found = sorted(one for one in folder.rglob("*") if one.suffix.lower() in SOUNDS and one.is_file())
    if not found:
        raise RecordingError(f"{folder}: no recordings in this folder ({', '.join(SOUNDS)})")
    return found
