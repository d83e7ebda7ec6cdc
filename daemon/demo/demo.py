"""`affectd demo`: a private broker, the service, the page, and what a separate subscriber received, a line each."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Callable

from daemon import assembly
from daemon.capture import process, require_pyaudio
from daemon.demo import RECORDING as RECORDING
from daemon.demo.broker import PrivateBroker
from daemon.demo.page import page
from daemon.demo.subscriber import Subscriber
from daemon.errors import BrokerError, DeviceError, SettingsError
from daemon.serve import Service
from daemon.settings import BrokerSettings, JournalSettings, NodeSettings, Settings, SourceSettings

MICROPHONE = "mic"
NODE = "demo"
SEAT = "cabin"
LAST_EVENT_S = 5.0


KINDS = ("utterance", "episode", "state")
SHOWN = ("utterance", "episode")


@dataclass
class Show:
    """What the demo does with what its subscriber receives."""

    write: Callable[[str], None]
    stop: threading.Event
    n_received: int = 0
    nobody_reads: bool = False

    def receive(self, topic: str, payload: str) -> None:
        """Print an event; a state only moves the subscriber on."""
        if topic.rsplit("/", 1)[-1] in SHOWN and not self.nobody_reads:
            self.n_received += 1
            try:
                self.write(payload)
            except BrokenPipeError:
                # whoever read our lines has seen enough; this is the subscriber's thread, the main one ends the demo
                self.nobody_reads = True
                self.stop.set()


def demo(
    source: str | None,
    once: bool,
    port: int,
    model_name: str,
    stop: threading.Event,
    write: Callable[[str], None],
    say: Callable[[str], None],
) -> int:
    """Run until the recording ends (then again, unless `once`) or `stop` is set. The number of events received."""
    model = assembly.open_model(model_name)
    seat = choose(source, once, say)
    show = Show(write, stop)
    topics = [f"affectd/{NODE}/{seat.name}/{kind}" for kind in KINDS]
    with ExitStack() as opened:
        broker = opened.enter_context(PrivateBroker(port))
        subscriber = opened.enter_context(Subscriber(broker.port, topics, show.receive))
        state = opened.enter_context(TemporaryDirectory(prefix="affectd-demo-"))
        say(f"broker: 127.0.0.1:{broker.port}, private; look on with: mosquitto_sub -p {broker.port} -t 'affectd/#' -v")
        opened.enter_context(page(broker.port, say))
        settings = Settings(
            node=NodeSettings(NODE, state),
            broker=BrokerSettings(port=broker.port),
            # each event is a line already
            journal=JournalSettings(utterances=False),
            source=(seat,),
        )
        while not stop.is_set():
            with Service(settings, model) as service:
                service.run(stop)
                last = service.outbox.last_seq
                if not subscriber.await_event(service.boot, last, LAST_EVENT_S):
                    raise BrokerError(f"event {last} has not come back from the broker within {LAST_EVENT_S:g} s")
            if once or not seat.recording:
                break
    if show.nobody_reads:
        raise BrokenPipeError
    return show.n_received


def choose(source: str | None, once: bool, say: Callable[[str], None]) -> SourceSettings:
    """What was asked for, else the microphone if there is one, else the bundled recording.

    A microphone has no end, so with `once` the choice is the recording. Raises DeviceError, SettingsError.
    """
    if source == MICROPHONE and once:
        raise SettingsError("--once ends with the recording, and a microphone has no end: leave one of the two away")
    if source not in (None, MICROPHONE):
        say(f"source: the recording {source}, in real time")
        return SourceSettings(SEAT, recording=source or "")
    device, why = ("", "--once") if once else _microphone()
    if device:
        say(f"source: the microphone {device!r}; speak")
        return SourceSettings(SEAT, device=device)
    if source == MICROPHONE:
        raise DeviceError(f"{why}; plug one in, or leave --source away to hear the bundled recording")
    say(f"source: the bundled recording, in real time ({why}); its voices are synthetic: their moods prove the plumbing only")
    return SourceSettings(SEAT, recording=str(RECORDING))


def _microphone() -> tuple[str, str]:
    """The name of a microphone, or nothing and the reason."""
    try:
        require_pyaudio()
        device = process.default()
    except DeviceError as trouble:
        return "", str(trouble)
    return (device.name, "") if device else ("", "there is no microphone")
