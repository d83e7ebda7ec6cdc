"""Switched off over MQTT the microphone is really closed: the sound server has nobody who records, also after a kill."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.virtual_microphone import DEVICE, VirtualMicrophone
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from tests.daemon import recordings
from tests.daemon.wire import PATIENCE_S, Watcher

ROOT = Path(__file__).parents[2]


class Vehicle:
    """A broker, a virtual microphone as the driver's, a recording as the passenger's, and `affectd run`, which may be
    started again. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Vehicle:
        self._service: subprocess.Popen[bytes] | None = None
        with ExitStack() as opened:
            self.broker = opened.enter_context(PrivateBroker())
            self.microphone = opened.enter_context(VirtualMicrophone())
            self.watcher = opened.enter_context(Watcher(self.broker.port))
            opened.callback(self.kill)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._opened.__exit__(kind, trouble, where)

    def start(self) -> None:
        path = self._folder / "affectd.toml"
        path.write_text(
            f'[node]\nname = "n0de"\nstate = "{self._folder}"\n[model]\nname = "cl-emodb"\n'
            f"[broker]\nport = {self.broker.port}\n[decision]\nstate_every_s = 0.2\n"
            f'[[source]]\nname = "driver"\ndevice = "{DEVICE}"\n'
            f'[[source]]\nname = "passenger"\nrecording = "{RECORDING}"\n'
        )
        n_states = len(self.watcher.of("state"))
        command = [sys.executable, "-m", "daemon", "run", "--config", str(path)]
        self._service = subprocess.Popen(command, env=self.microphone.environment, cwd=ROOT)
        self.watcher.await_that(lambda: len({one.topic for one in self.watcher.of("state")[n_states:]}) == 2)

    def kill(self) -> None:
        """Also where it is dead already."""
        if self._service is not None:
            self._service.kill()
            self._service.wait()

    def send(self, text: str, source: str = "driver") -> None:
        command = ["mosquitto_pub", "-p", str(self.broker.port), "-q", "1", "-t", f"affectd/n0de/{source}/set", "-m", text]
        subprocess.run(command, check=True)

    def state(self, source: str) -> dict[str, Any]:
        """The newest."""
        return [one.body for one in self.watcher.of("state") if one.body["source"] == source][-1]

    def await_listening(self, on: bool) -> None:
        self.watcher.await_that(lambda: self.state("driver")["listening"] is on)


def test_the_device_is_closed_stays_so_over_a_kill_and_is_opened_again(tmp_path: Path) -> None:
    with Vehicle(tmp_path) as vehicle:
        vehicle.start()
        assert vehicle.microphone.n_recording() == 1
        vehicle.send('{"listening": false}')
        vehicle.await_listening(False)
        assert vehicle.microphone.n_recording() == 0
        n_heard = len([one for one in vehicle.watcher.of("state") if one.body["source"] == "passenger"])
        vehicle.watcher.await_that(
            lambda: len([one for one in vehicle.watcher.of("state") if one.body["source"] == "passenger"]) > n_heard + 3
        )
        state = vehicle.state("driver")
        assert (state["speaking"], state["label"], state["probabilities"]) == (False, "uncertain", {})
        vehicle.kill()
        vehicle.start()
        assert vehicle.state("driver")["listening"] is False
        assert vehicle.microphone.n_recording() == 0
        vehicle.send('{"listening": true}')
        vehicle.await_listening(True)
        # who switches it on need not wait for the device
        vehicle.watcher.await_that(lambda: vehicle.microphone.n_recording() == 1)
        n_utterances = len(vehicle.watcher.of("utterance"))
        # somebody speaks, and then nobody for as long as the gate waits
        vehicle.microphone.say(recordings.write(tmp_path / "a.wav", recordings.speech()[: 5 * recordings.RATE_HZ]))
        vehicle.watcher.await_that(
            lambda: any(one.body["source"] == "driver" for one in vehicle.watcher.of("utterance")[n_utterances:])
        )
        assert vehicle.microphone.n_recording() == 1
        vehicle.kill()
        until_s = time.monotonic() + PATIENCE_S
        while vehicle.microphone.n_recording():
            assert time.monotonic() < until_s, "who captured has outlived the service"
            time.sleep(0.05)


def test_a_refused_command_is_answered_on_health_at_once(tmp_path: Path) -> None:
    with Vehicle(tmp_path) as vehicle:
        vehicle.start()
        vehicle.send("off")
        vehicle.watcher.await_that(lambda: any("refused_command" in one.body for one in vehicle.watcher.of("health")))
        body = vehicle.watcher.of("health")[-1].body
        assert body["refused_command"]["source"] == "driver"
        assert "no JSON" in body["refused_command"]["reason"]
        assert body["commands"] == {"carried_out": 0, "refused": 1}
        assert vehicle.microphone.n_recording() == 1
