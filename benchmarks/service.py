"""The service in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping

ROOT = Path(__file__).parents[1]


@contextmanager
def affectd_run(settings: Path, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`affectd run`, what it says to `log`; it is killed if it has not ended by itself."""
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "daemon", "run", "--config", str(settings)]
        service = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr)
        try:
            yield service
        finally:
            service.kill()
            service.wait()
