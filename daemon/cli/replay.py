"""`affectd replay`."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.cli.choices import above_zero, add_model, settings_with
from daemon.cli.terminal import line, say

SUMMARY = (
    "The live path on a recording: JSON lines, the same bytes each time. As in the service, what was said teaches a model "
    "that knows of speakers how to hear what is said next."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recording, and how it is played."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--speed", type=_speed, default=None, metavar="N|max", help="times real time; default: max")
    parser.add_argument("--all", action="store_true", help="print states as well as utterances and episodes")
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Raises RecordingError, ModelError."""
    from daemon import analysis, assembly

    kinds = frozenset({"utterance", "episode", "state"} if options.all else {"utterance", "episode"})
    model = assembly.open_model(options.model)
    heard = analysis.replay(options.file, settings_with(options.model), model, options.speed, kinds, line)
    for remark in heard.remarks:
        say(f"{options.file}: {remark}")
    say(f"{heard.n_utterances} utterances in {heard.duration_s:.1f} s")
    return 0


def _speed(text: str) -> float | None:
    return None if text == "max" else above_zero(text, "a number above zero, or max")
