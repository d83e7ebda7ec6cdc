"""The page of the demonstration: `affectd dashboard` as a child process, which tells its address itself."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator

from daemon.demo.broker import free_port
from daemon.settings import DashboardSettings

NEEDS = ("starlette", "uvicorn", "markdown_it")
LEAVE_S = 5.0


@contextlib.contextmanager
def page(broker_port: int, say: Callable[[str], None]) -> Iterator[None]:
    """Shown for as long as the context lasts, where what it needs is installed."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        say(f"no page in the browser: {missing[0]} is not installed: type `pip install 'affectd[dashboard]'`")
        yield
        return
    with tempfile.TemporaryDirectory(prefix="affectd-page-") as folder:
        settings = Path(folder) / "affectd.toml"
        settings.write_text(f"[broker]\nport = {broker_port}\n")
        command = [sys.executable, "-m", "daemon", "dashboard", "--config", str(settings), "--port", str(_port())]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            yield
        finally:
            child.terminate()
            try:
                child.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _port() -> int:
    """The usual one, so that a page that is open goes on; another where somebody has it."""
    usual = DashboardSettings().port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", usual))
            return usual
    return free_port()
