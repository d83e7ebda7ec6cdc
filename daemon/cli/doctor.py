"""`affectd doctor`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from pathlib import Path

from daemon.cli.terminal import line, say

SUMMARY = "What works on this machine, and what to type for the rest."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which settings, and how it is told."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the settings; default: /etc/affectd/affectd.toml where it is there"
    )
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument(
        "--build-engine",
        action="store_true",
        help="build TensorRT's engine for the model of the settings, which takes minutes, and nothing else",
    )


def run(options: argparse.Namespace) -> int:
    """0 when the service could run, else the exit code of the first trouble. Raises ModelError, SettingsError."""
    from daemon.service.doctor import engine, examine, finding, report
    from daemon.service.doctor.place import board

    at = examine.place(options.config)
    kernels = at.environment("NUMBA_CACHE_DIR")
    if os.access(kernels, os.W_OK):
        # those of the service, which need not be compiled anew; Numba reads this when it is loaded
        os.environ["NUMBA_CACHE_DIR"] = kernels
    if options.build_engine:
        line(engine.build(at, say))
        return 0
    title = f"affectd on {board()}, {platform.system()} {platform.release()}"
    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else None
    form = report.Form(on_terminal and "NO_COLOR" not in os.environ, sys.stdout.encoding or "ascii", width)
    if not options.json:
        line(title)
    findings = []
    for one in examine.examine(at):
        findings.append(one)
        for text in () if options.json else form.lines(one):
            line(text)
    code = finding.exit_code(findings)
    if options.json:
        found = [one.as_dict() for one in findings]
        line(json.dumps({"machine": title, "checks": found, "exit_code": code}, ensure_ascii=False))
    else:
        line(form.summary(findings))
    return code
