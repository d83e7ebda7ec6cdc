"""However the loop ends, what was said until then is judged, and no seat is left speaking."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Mapping

import pytest

from daemon import assembly
from daemon.analysis import ListSink
from daemon.capture.recording import Recording
from daemon.clock import StepClock
from daemon.demo.demo import RECORDING
from daemon.errors import DeviceError
from daemon.events import Block
from daemon.ports import AudioSource, Model
from daemon.settings import Settings
from tests.daemon.sources import DevicelessSource
from tests.fixtures.stream_model import FILE as STREAM_MODEL

SPEAKING_BLOCKS = 100
"""After so many blocks of 20 ms the bundled recording's first sentence is being said."""


@pytest.fixture(scope="module", params=["cl-emodb", str(STREAM_MODEL)], ids=["windows", "stream"])
def model(request: pytest.FixtureRequest) -> Model:
    return assembly.open_model(request.param)


class Failing(DevicelessSource):
    """A source that is unplugged after so many blocks. When it has an event to set, it sets that instead."""

    def __init__(self, inner: Recording, n_blocks: int, stop: threading.Event | None = None) -> None:
        self.name = inner.name
        self._inner = inner
        self._left = n_blocks
        self._stop = stop

    def read(self) -> Block | None:
        if self._left == 0:
            if self._stop is None:
                raise DeviceError("unplugged")
            self._stop.set()
            return None
        self._left -= 1
        return self._inner.read()

    @property
    def ended(self) -> bool:
        return self._inner.ended

    def close(self) -> None:
        self._inner.close()


def recording(name: str, model: Model) -> Recording:
    return assembly.open_recording(Path(RECORDING), name, model.contract, speed=None)


def bodies(sink: ListSink, kind: str, source: str) -> list[Mapping[str, Any]]:
    return [message.body for message in sink.messages if message.topic == f"{source}/{kind}"]


def check_told(sink: ListSink, source: str) -> None:
    assert len(bodies(sink, "utterance", source)) == 1
    assert bodies(sink, "state", source)[-1]["speaking"] is False


def test_a_stop_in_mid_utterance(model: Model) -> None:
    sink, stop = ListSink(), threading.Event()
    source = Failing(recording("driver", model), SPEAKING_BLOCKS, stop)
    pipeline, _ = assembly.assemble(Settings(), model, [source], sink, StepClock(), "b")
    pipeline.run(stop)
    check_told(sink, "driver")


@pytest.mark.parametrize("order", [("driver", "broken"), ("broken", "driver")])
def test_a_source_that_fails_takes_nothing_from_the_other(model: Model, order: tuple[str, str]) -> None:
    sink = ListSink()
    both: dict[str, AudioSource] = {
        "driver": recording("driver", model),
        "broken": Failing(recording("broken", model), SPEAKING_BLOCKS),
    }
    pipeline, _ = assembly.assemble(Settings(), model, [both[name] for name in order], sink, StepClock(), "b")
    with pytest.raises(DeviceError, match="unplugged"):
        pipeline.run(threading.Event())
    check_told(sink, "driver")
    check_told(sink, "broken")


def test_every_episode_ends(model: Model) -> None:
    sink = ListSink()
    pipeline, _ = assembly.assemble(Settings(), model, [recording("driver", model)], sink, StepClock(), "b")
    pipeline.run(threading.Event())
    phases: dict[str, list[str]] = {}
    for body in bodies(sink, "episode", "driver"):
        phases.setdefault(body["id"], []).append(body["phase"])
    assert phases, "the bundled recording has at least one episode"
    for of_one in phases.values():
        assert of_one[0] == "new"
        assert of_one[-1] == "end"
        assert set(of_one[1:-1]) <= {"update"}
