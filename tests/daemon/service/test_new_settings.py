"""`affectd run` and its manager: what it says from its start to its end, and what becomes of new settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from tests.daemon.service.manager import Manager
from tests.daemon.wire import PATIENCE_S, Watcher

ROOT = Path(__file__).parents[3]
WATCHDOG_S = 20.0
BAD = [
    ("[gate\n", "not TOML: "),
    ("[gaet]\n", "unknown section 'gaet'; did you mean 'gate'?"),
    ('[model]\nname = "affectnett"\n', "affectnett"),
    ("[gate]\nonset_ms = 120.00001\n", "[gate] "),
    ('[seat]\nkeep = "/nowhere/at/all"\n', "there is no folder /nowhere/at"),
]
"""What stands in a bad file, and in the reason for which it is refused."""


class Running:
    """`affectd run` with a manager and a broker."""

    def __init__(self, folder: Path, manager: Manager, port: int) -> None:
        self.manager = manager
        self.port = port
        self.path = folder / "affectd.toml"
        self.configure()
        command = [sys.executable, "-m", "daemon", "run", "--config", str(self.path)]
        environment = {**os.environ, **manager.environment, "RUNTIME_DIRECTORY": str(folder)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def configure(self, more: str = "", node: str = "n0de", recording: str = str(RECORDING)) -> None:
        source = f'[[source]]\nname = "driver"\nrecording = "{recording}"\n'
        self.path.write_text(f'[node]\nname = "{node}"\n[broker]\nport = {self.port}\n{source}{more}')

    def ask(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def end(self) -> str:
        """What it said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        err = self.process.communicate(timeout=PATIENCE_S)[1]
        assert self.process.returncode == 0, err
        return err


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with PrivateBroker() as broker, Manager(tmp_path, WATCHDOG_S) as manager:
        running = Running(tmp_path, manager, broker.port)
        try:
            manager.await_that(lambda: manager.count("READY=1") == 1)
            yield running
        finally:
            running.process.kill()
            running.process.communicate()


def test_it_says_what_it_does_from_its_start_to_its_end(running: Running, tmp_path: Path) -> None:
    manager = running.manager
    manager.await_that(lambda: manager.count("WATCHDOG=1") >= 2)
    manager.await_that(lambda: any("1 utterance," in status for status in manager.statuses()))
    assert (tmp_path / "starts.json").exists()
    running.end()
    kinds = [lines[0].split("=")[0] for lines in manager.heard]
    assert kinds.index("EXTEND_TIMEOUT_USEC") < kinds.index("READY") < kinds.index("STOPPING")
    assert manager.statuses()[0] == "starting: opens the model"
    assert manager.statuses()[-1] == "ending"
    assert "listening to 1 of 1 seat, 0 utterances, broker connected" in manager.statuses()
    assert not (tmp_path / "starts.json").exists()


def test_bad_files_change_nothing_and_the_status_says_why(running: Running) -> None:
    manager = running.manager
    with Watcher(running.port) as watcher:
        for n, (more, why) in enumerate(BAD, 1):
            running.configure(more)
            running.ask()
            manager.await_that(lambda n=n: manager.count("READY=1") == n + 1)  # type: ignore[misc]
            assert manager.count("RELOADING=1") == n
            refused = [status for status in manager.statuses() if status.startswith("new settings refused: ")]
            assert why in refused[-1]
            assert "; listening to 1 of 1 seat" in refused[-1]
        n_states = len(watcher.of("state"))
        watcher.await_that(lambda: len(watcher.of("state")) > n_states)
        assert {one.body["status"] for one in watcher.of("availability")} == {"online"}
    assert running.end().count("the old ones stay") == len(BAD)


def test_a_file_of_which_no_service_can_be_made_brings_the_old_one_back(running: Running) -> None:
    """That a recording is damaged shows when it is opened: the old service has ended then."""
    manager = running.manager
    running.configure(recording=str(Path(__file__)))
    running.ask()
    manager.await_that(lambda: manager.count("READY=1") == 2)
    assert manager.statuses()[-1].startswith("new settings refused: ")
    assert "test_new_settings.py" in manager.statuses()[-1]
    assert "; listening to 1 of 1 seat" in manager.statuses()[-1]
    assert running.process.poll() is None
    running.end()


def test_a_good_file_after_a_bad_one_is_taken(running: Running) -> None:
    manager = running.manager
    running.configure("[gaet]\n")
    running.ask()
    manager.await_that(lambda: manager.count("READY=1") == 2)
    running.configure(node="another")
    with Watcher(running.port) as watcher:
        running.ask()
        manager.await_that(lambda: manager.count("READY=1") == 3)
        watcher.await_that(lambda: any(one.topic.startswith("affectd/another/driver/") for one in watcher.received))
    assert manager.statuses()[-1].startswith("listening to 1 of 1 seat")
    at = [lines[0] for lines in manager.heard]
    taken = at.index("WATCHDOG_USEC=60000000")
    assert f"WATCHDOG_USEC={WATCHDOG_S * 1e6:.0f}" in at[taken:], "the change's patience is for ever"
    running.end()
