"""Home Assistant itself finds the device, shows what the service says, switches it off and on, and forgets it.

It wants a newer Python than we do: AFFECTD_HOME_ASSISTANT names one that has the packages `homeassistant` and `paho-mqtt`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from tests.daemon.wire import PATIENCE_S

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("AFFECTD_HOME_ASSISTANT", "")

pytestmark = pytest.mark.skipif(not PYTHON, reason="AFFECTD_HOME_ASSISTANT names no Python that has Home Assistant")

States = Any
EPISODE = "event.affectd_cabin_rear_left_episode"


class Home:
    """Home Assistant as a child process."""

    def __init__(self, port: int, folder: Path) -> None:
        folder.mkdir()
        program = [PYTHON, str(ROOT / "tests" / "fixtures" / "home_assistant.py"), str(port), str(folder)]
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def states(self, call: str = "") -> States:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{call}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        assert line, self._log.read_text()
        return json.loads(line)

    def await_that(self, holds: Callable[[States], bool]) -> States:
        until = time.monotonic() + PATIENCE_S
        while True:
            states = self.states()
            if holds(states):
                return states
            assert time.monotonic() < until, states
            time.sleep(0.1)

    def end(self) -> None:
        self.child.kill()
        self.child.wait()


@contextmanager
def service(port: int, folder: Path, more: str = "") -> Iterator[None]:
    """`affectd run` with an eager decision, on a recording."""
    path = folder / "affectd.toml"
    path.write_text(
        f'[node]\nname = "cabin"\nstate = "{folder}"\n[model]\nname = "cl-emodb"\n[broker]\nport = {port}\n{more}'
        "[decision]\nmin_confidence = 0.001\nmargin = 0.0\npatience = 1\nepisode_after_s = 0.5\nstate_every_s = 0.5\n"
        f'[[source]]\nname = "rear-left"\nrecording = "{RECORDING}"\n'
    )
    running = subprocess.Popen([sys.executable, "-m", "daemon", "run", "--config", str(path)], cwd=ROOT)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def value(states: States, entity: str) -> str:
    found = states.get(entity, {}).get("state", "")
    return str(found)


def test_home_assistant_finds_shows_switches_and_forgets(tmp_path: Path) -> None:
    mood, listening = "sensor.affectd_cabin_rear_left_mood", "switch.affectd_cabin_rear_left_listening"
    with ExitStack() as opened:
        broker = opened.enter_context(PrivateBroker())
        home = Home(broker.port, tmp_path / "home")
        opened.callback(home.end)
        home.states()
        with service(broker.port, tmp_path):
            states = home.await_that(lambda now: now.get(EPISODE, {}).get("attributes", {}).get("event_type"))
            assert states[EPISODE]["attributes"]["event_type"] in ("new", "update", "end")
            assert states[EPISODE]["attributes"]["label"] in states[mood]["attributes"]["options"]
            states = home.await_that(lambda now: value(now, mood) not in ("", "unknown", "uncertain"))
            assert value(states, mood) in states[mood]["attributes"]["options"]
            assert states[mood]["attributes"][value(states, mood)] > 0.0
            assert 0.0 < float(value(states, "sensor.affectd_cabin_rear_left_confidence")) <= 100.0
            assert -120.0 <= float(value(states, "sensor.affectd_cabin_rear_left_level")) <= 0.0
            assert value(states, listening) == "on"
            home.states("switch turn_off")
            states = home.await_that(lambda now: value(now, listening) == "off")
            assert (value(states, mood), value(states, "binary_sensor.affectd_cabin_rear_left_speaking")) == (
                "uncertain",
                "off",
            )
            states = home.await_that(lambda now: value(now, "sensor.affectd_cabin_outbox_waiting").isdigit())
            assert value(states, "binary_sensor.affectd_cabin_problem") == "off"
            home.states("switch turn_on")
            home.await_that(lambda now: value(now, listening) == "on")
        states = home.await_that(lambda now: value(now, mood) == "unavailable")
        assert {one["state"] for one in states.values()} == {"unavailable"}
        with service(broker.port, tmp_path, "[discovery]\nenabled = false\n"):
            home.await_that(lambda now: now == {})
