"""Two seats on the bundled recording, step by step and without a pace; the driver's source is the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from daemon import assembly
from daemon.analysis import ListSink
from daemon.capture.recording import Recording
from daemon.clock import StepClock
from daemon.demo.demo import RECORDING
from daemon.ports import AudioSource, Model
from daemon.settings import DecisionSettings, Settings

EAGER = Settings(decision=DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5))


def bundled(name: str, model: Model) -> Recording:
    """The bundled recording as the source of a seat."""
    return assembly.open_recording(Path(RECORDING), name, model.contract, speed=None)


class TwoSeats:
    """The pipeline of the two, and what they said."""

    def __init__(self, model: Model, driver: AudioSource) -> None:
        self.sink = ListSink()
        self.pipeline, self.seats = assembly.assemble(
            EAGER, model, [driver, bundled("rear", model)], self.sink, StepClock(), "b00t"
        )

    def steps(self, n: int) -> None:
        """So many, each of a block of each seat."""
        for _ in range(n):
            self.pipeline.step()

    def until_an_episode_while_speaking(self) -> None:
        """Of the driver."""
        while not (self.of("driver", "episode") and self.of("driver", "state")[-1]["speaking"]):
            assert self.pipeline.step()

    def end(self) -> None:
        """Until no source has any more."""
        while self.pipeline.step():
            pass

    def of(self, source: str, kind: str) -> list[Mapping[str, Any]]:
        """The bodies of its messages of a kind."""
        return [message.body for message in self.sink.messages if message.topic == f"{source}/{kind}"]
