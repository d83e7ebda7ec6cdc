"""How commands end: on a signal, killed, without a broker, or when nobody reads their lines any more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from daemon.demo.broker import PrivateBroker, free_port
from daemon.demo.demo import RECORDING
from tests.daemon import recordings
from tests.daemon.wire import PATIENCE_S, Watcher

ROOT = Path(__file__).parents[2]


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "affectd.toml"
    path.write_text(text)
    return path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """A broker's port, and the command of a service that plays the bundled recording to it."""
    with PrivateBroker() as broker:
        text = f'[node]\nname = "n0de"\n[broker]\nport = {broker.port}\n[[source]]\nrecording = "{RECORDING}"\n'
        yield broker.port, [sys.executable, "-m", "daemon", "run", "--config", str(config(tmp_path, text))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_cleanly(service: tuple[int, list[str]], number: signal.Signals) -> None:
    port, command = service
    with Watcher(port) as watcher:
        running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        watcher.await_that(lambda: bool(watcher.of("state")))
        running.send_signal(number)
        _, err = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 0, err
        watcher.await_that(lambda: watcher.statuses() == ["online", "stopped"])
    assert "Traceback" not in err
    assert all(line.startswith("affectd: ") for line in err.splitlines())


def test_a_killed_service_leaves_its_last_will(service: tuple[int, list[str]]) -> None:
    port, command = service
    with Watcher(port) as watcher:
        running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        watcher.await_that(lambda: bool(watcher.of("state")))
        running.kill()
        running.wait()
        watcher.await_that(lambda: watcher.statuses() == ["online", "offline"])


def test_a_service_without_a_broker_ends_cleanly_too(tmp_path: Path) -> None:
    path = config(tmp_path, f'[broker]\nport = {free_port()}\n[[source]]\nrecording = "{RECORDING}"\n')
    command = [sys.executable, "-m", "daemon", "run", "--config", str(path)]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    said = ""
    while "is not there yet: events are kept, I keep trying" not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    running.terminate()
    _, rest = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, rest
    assert "Traceback" not in rest


@pytest.mark.parametrize("command", ["replay --all", "analyze --json", "demo --once --source"])
def test_a_reader_who_has_seen_enough_is_no_trouble(tmp_path: Path, command: str) -> None:
    """As in `affectd replay trip.flac | head -n 1`."""
    paths = [str(recordings.write(tmp_path / "a.wav", recordings.speech()[: 10 * recordings.RATE_HZ]))]
    if command.startswith("analyze"):
        paths *= 20
    running = subprocess.Popen(
        [sys.executable, "-m", "daemon", *command.split(), *paths], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline().startswith(b"{")
    running.stdout.close()
    err = running.stderr.read().decode()
    assert running.wait(PATIENCE_S) == 0, err
    running.stderr.close()
    assert all(line.startswith("affectd: ") and "error" not in line for line in err.splitlines()), err
