"""Microphones unplugged at random moments, sound servers killed and frozen: audio is back, no other microphone has noticed, and
nothing is left behind. A real sound server, a real broker, and what a subscriber is told."""

from __future__ import annotations

import gc
import os
import random
import statistics
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import pytest

from benchmarks.virtual_microphone import DEVICE, VirtualMicrophone
from daemon import assembly, serve
from daemon.demo.broker import PrivateBroker
from daemon.serve import Service
from daemon.settings import BrokerSettings, DecisionSettings, NodeSettings, Settings, SourceSettings
from models import registry
from tests.daemon import capturing, recordings
from tests.daemon.wire import Watcher
from tests.faults.form import FULL, rounds, times

BACK_S = 5.0
PATIENCE_S = 60.0
BENCH = "bench"
SEED = 7
FROZEN_S = times(3, 30)
BUSY_S = 0.1
"""What a busy machine may need between inference and commit, which is in no latency."""

pytestmark = pytest.mark.timeout(7200)


class Vehicle:
    """The service with two microphones, each on its sound server, and a subscriber. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Vehicle:
        # sockets that earlier tests have left in cycles would go at any time, and be missed among the descriptors
        gc.collect()
        with ExitStack() as opened:
            patch = opened.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(serve, "HEALTH_EVERY_S", 0.5)
            self.sound = opened.enter_context(VirtualMicrophone(DEVICE, BENCH))
            for name, value in self.sound.environment.items():
                patch.setenv(name, value)
            broker = opened.enter_context(PrivateBroker())
            self._watcher = opened.enter_context(Watcher(broker.port))
            settings = Settings(
                node=NodeSettings("n0de", str(self._folder)),
                broker=BrokerSettings(port=broker.port),
                decision=DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5),
                source=(SourceSettings("driver", device=DEVICE), SourceSettings("rear", device=BENCH)),
            )
            model = assembly.open_model(registry.DEFAULT)
            self.hop_s = model.contract.front_end.hop_ms / 1e3
            self.service = opened.enter_context(Service(settings, model))
            self._stop = threading.Event()
            running = threading.Thread(target=self.service.run, args=(self._stop,))
            running.start()
            opened.callback(running.join)
            opened.callback(self._stop.set)
            self.await_that(lambda: self.hears("driver") and self.hears("rear"))
            # all threads and descriptors that there will be: the subscriber of both has heard of health
            self.await_that(lambda: bool(self._watcher.of("health")))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *about: Any) -> None:
        self._opened.__exit__(*about)

    def await_that(self, holds: Callable[[], bool]) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < until_s, self.service.health()["sources"]
            time.sleep(0.01)

    def told(self, kind: str, source: str) -> list[dict[str, Any]]:
        """What a subscriber has of a source."""
        return [one.body for one in self._watcher.of(f"{source}/{kind}")]

    def hears(self, source: str) -> bool:
        """As a subscriber knows it."""
        state = self.state(source)
        return bool(state and state["hearing"])

    def state(self, source: str) -> dict[str, Any] | None:
        """The newest."""
        topic = f"affectd/n0de/{source}/state"
        return next((one.body for one in reversed(self._watcher.received) if one.topic == topic), None)

    def device(self, source: str) -> dict[str, Any]:
        found: dict[str, Any] = self.service.health()["sources"][source]["device"]
        return found

    def count(self, source: str, name: str) -> int:
        return int(self.device(source)["counts"][name])

    def await_back(self, *sources: str) -> float:
        """How long it takes from now until a subscriber is told that they hear again."""
        began_s = time.monotonic()
        self.await_that(lambda: all(self.hears(source) for source in sources))
        return time.monotonic() - began_s

    def held(self) -> tuple[int, int, int]:
        """Threads, descriptors and child processes of ours."""
        tasks = os.listdir("/proc/self/task")
        # a listing has a descriptor of its own
        n_files = len(os.listdir("/proc/self/fd")) - 1
        n_children = sum(len(Path(f"/proc/self/task/{task}/children").read_text().split()) for task in tasks)
        return len(tasks), n_files, n_children

    def is_speaking(self, source: str) -> bool:
        """As a subscriber knows it."""
        state = self.state(source)
        return bool(state and state["speaking"])

    def lost_samples(self, source: str) -> int:
        return int(self.service.health()["sources"][source]["lost_samples"])

    def say(self, speech: Path) -> list[dict[str, Any]]:
        """Say something to the driver, and the utterances that come of it."""
        n_before = len(self.told("utterance", "driver"))
        self.sound.say(speech)
        self.await_that(lambda: len(self.told("utterance", "driver")) > n_before)
        return self.told("utterance", "driver")[n_before:]


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vehicle]:
    with Vehicle(tmp_path_factory.mktemp("state")) as found:
        yield found


def require_back(vehicle: Vehicle, what: str, back_s: list[float], n_wanted: int, held: tuple[int, int, int]) -> None:
    """In time, each time, and with as many threads, descriptors and processes as before."""
    vehicle.await_that(lambda: vehicle.held() == held)
    p50, most = np.percentile(back_s, [50, 100])
    print(f"{what}: audio back {len(back_s)} of {n_wanted} times, p50 {p50:.2f} s, worst {most:.2f} s; held {held}")
    assert len(back_s) == n_wanted
    # a machine that is busy with other tests is no fault of the microphone: the figure is that of the full form
    assert most < (BACK_S if FULL else PATIENCE_S)


def test_unplugged_and_plugged_in_at_random_moments(vehicle: Vehicle) -> None:
    chance, held, back_s = random.Random(SEED), vehicle.held(), []
    lost_before = vehicle.lost_samples("rear")
    for _ in rounds("unplugged", 3, 50):
        time.sleep(chance.uniform(0.0, 3.0))
        vehicle.sound.unplug()
        vehicle.await_that(lambda: not vehicle.hears("driver"))
        time.sleep(chance.uniform(0.0, times(2, 12)))
        vehicle.sound.plug()
        back_s.append(vehicle.await_back("driver"))
    require_back(vehicle, "unplugged", back_s, times(3, 50), held)
    assert vehicle.count("driver", "losses") >= len(back_s)
    assert vehicle.count("rear", "attempts") == 1, "the other microphone was never opened anew"
    assert vehicle.lost_samples("rear") == lost_before
    assert all(state["hearing"] for state in vehicle.told("state", "rear"))


def test_the_sound_server_killed_and_started_again(vehicle: Vehicle) -> None:
    chance, held, back_s = random.Random(SEED), vehicle.held(), []
    for _ in rounds("server killed", 1, 10):
        vehicle.sound.kill()
        vehicle.await_that(lambda: not vehicle.hears("driver") and not vehicle.hears("rear"))
        time.sleep(chance.uniform(0.0, times(1, 8)))
        vehicle.sound.start()
        back_s.append(vehicle.await_back("driver", "rear"))
    require_back(vehicle, "server killed", back_s, times(1, 10), held)


def test_the_sound_server_frozen_and_thawed(vehicle: Vehicle) -> None:
    held, back_s = vehicle.held(), []
    for _ in rounds("server frozen", 1, 3):
        vehicle.sound.freeze()
        try:
            vehicle.await_that(lambda: vehicle.device("driver")["state"] == "stalled")
            vehicle.await_that(lambda: not vehicle.hears("driver") and not vehicle.hears("rear"))
            before = {ear.name: ear.progress for ear in vehicle.service.ears()}
            time.sleep(FROZEN_S)
            assert vehicle.device("driver")["state"] not in ("healthy", "silent")
            moved_on = [ear.progress > before[ear.name] for ear in vehicle.service.ears()]
            assert all(moved_on), "a watchdog has nothing to complain of"
        finally:
            vehicle.sound.thaw()
        back_s.append(vehicle.await_back("driver", "rear"))
    require_back(vehicle, f"server frozen for {FROZEN_S} s", back_s, times(1, 3), held)


def began_s(utterances: list[dict[str, Any]]) -> float:
    """When the source began, by what each utterance tells: it was committed at `at`, `latency_ms` after its last voiced sample,
    whose position is `end_s`."""
    return float(min(committed_s(one) - one["latency_ms"]["total"] / 1e3 - one["speech"]["end_s"] for one in utterances))


def committed_s(message: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(message["at"]).replace("Z", "+00:00")).timestamp()


def test_speech_cut_by_a_loss_is_judged_and_times_after_it_are_right(vehicle: Vehicle, tmp_path: Path) -> None:
    speech = recordings.write(tmp_path / "speech.wav", recordings.speech()[: 5 * recordings.RATE_HZ])
    before_s = statistics.median(began_s(vehicle.say(speech)) for _ in range(times(1, 5)))
    drifts_s = []
    for _ in rounds("cut in a word", 1, 10):
        n_utterances, n_lost = len(vehicle.told("utterance", "driver")), vehicle.lost_samples("driver")
        saying = threading.Thread(target=vehicle.sound.say, args=(speech,))
        saying.start()
        vehicle.await_that(lambda: vehicle.is_speaking("driver"))
        capturing.kill(DEVICE)
        vehicle.await_that(lambda: not vehicle.hears("driver"))
        cut = vehicle.told("utterance", "driver")[n_utterances:]
        assert len(cut) == 1, "what was said up to then is judged"
        episodes = vehicle.told("episode", "driver")
        assert not episodes or episodes[-1]["phase"] == "end"
        vehicle.await_back("driver")
        saying.join()
        vehicle.await_that(lambda: vehicle.lost_samples("driver") > n_lost)  # noqa: B023
        drifts_s.append(began_s(vehicle.say(speech)) - before_s)
    worst_s, middle_s = max(map(abs, drifts_s)), abs(statistics.median(drifts_s))
    print(f"cut in a word: event times off by {middle_s * 1e3:.1f} ms, at most {worst_s * 1e3:.1f} ms, {len(drifts_s)} times")
    assert worst_s < BUSY_S
    assert middle_s < (vehicle.hop_s if FULL else BUSY_S), "what one message waits for is no drift; what most are off by is"
