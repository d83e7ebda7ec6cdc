"""`affectd power-log` as a process of its own, for tests."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Mapping

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
LOOK_S = 0.05
Row = Mapping[str, str]


class LoggingProcess:
    """Use it as a context; its rows are in `rows`, what it says in `said`."""

    def __init__(
        self, folder: Path, port: int, environment: Mapping[str, str] | None = None, protocol: str = "auto", **power: object
    ) -> None:
        """`power`: settings of that section."""
        self.table = folder / "power.csv"
        self._log = folder / "power.log"
        self._config = folder / "power.toml"
        self._environment = {**(environment or os.environ), "PYTHONUNBUFFERED": "1"}
        keys = {"csv": str(self.table), "interval_s": 0.1, "publish_every_s": 0.2, **power}
        lines = [f"{name} = {value!r}" for name, value in keys.items()]
        self._config.write_text(
            f'[node]\nname = "n0de"\n[broker]\nport = {port}\nprotocol = "{protocol}"\n[power]\n' + "\n".join(lines) + "\n"
        )

    def __enter__(self) -> LoggingProcess:
        command = [sys.executable, "-m", "daemon", "power-log", "--config", str(self._config)]
        with self._log.open("ab") as log:
            self.child = subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        """In order; its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(PATIENCE_S)

    def kill(self) -> None:
        """At once."""
        self.child.kill()
        self.child.wait()

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def rows(self) -> list[Row]:
        """All whole rows so far, older files included."""
        found: list[Row] = []
        numbered = [path for path in self.table.parent.glob(self.table.name + ".*") if path.suffix[1:].isdigit()]
        older = sorted(numbered, key=lambda path: -int(path.suffix[1:]))
        for path in [*older, self.table]:
            if path.exists():
                found += csv.DictReader(path.read_text().rpartition("\n")[0].splitlines())
        return found

    def await_row(self, holds: Callable[[Row], bool], after: int = 0, meanwhile: Callable[[], None] = lambda: None) -> Row:
        """The first row behind so many for which it holds. `meanwhile` is called while it does not come."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            for row in self.rows()[after:]:
                if holds(row):
                    return row
            assert time.monotonic() < until_s, (self.rows()[-3:], self.said())
            assert self.child.poll() is None, self.said()
            meanwhile()
            time.sleep(LOOK_S)
