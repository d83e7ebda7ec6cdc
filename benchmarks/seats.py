"""The service's loop over many seats, whose sound lies in memory, on a clock that counts the core's own time.

The clock passes while this process works, and leaps over what nobody needs: so a minute of sound takes as long as its work, and
a program that has the core between makes no event late. Seats, loop, model, outbox and delivery are those that ship.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.soak_sound import HISS
from daemon import assembly
from daemon.clock import SystemClock
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from daemon.events import Block, Message
from daemon.ports import Model
from daemon.settings import BrokerSettings, NodeSettings, OutboxSettings, Settings

I16 = NDArray[np.int16]
NODE = "bench"
FAREWELL_S = CONNECT_S = 60.0
SETTLE_S = 1.0
"""Of sound, at the beginning: all seats tell their first state at once, which they never do again."""


def spoken(share: float) -> tuple[I16, int]:
    """The bundled speech, then a hiss, so that somebody speaks for that share of the time; and its rate."""
    speech, rate_hz = soundfile.read(RECORDING, dtype="int16")
    hiss = np.rint(np.random.default_rng(0).normal(0.0, HISS, len(speech))).astype(np.int16)
    if share == 0.0:
        return hiss, rate_hz
    return np.concatenate([speech, *(round(1.0 / share) - 1) * [hiss]]), rate_hz


class CoreClock:
    """The process's own time on the core, and what was leapt over. Microphones tell it when their next blocks fall due."""

    def __init__(self) -> None:
        self._dated = SystemClock()
        self.microphones: list[Microphone] = []
        self.seen_ns = 0
        """When it was last looked at: microphones go by it, as to look costs as much as they do."""
        self.begin()

    def begin(self) -> None:
        """It is 0 now."""
        self._offset_ns = -time.process_time_ns()
        self.idle_ns = 0

    def heard(self, block: Block) -> None:
        """It moves by itself."""

    def now_ns(self) -> int:
        """Since it began."""
        self.seen_ns = time.process_time_ns() + self._offset_ns
        return self.seen_ns

    def at(self) -> str:
        """The real date."""
        return self._dated.at()

    def wait(self, seconds: float) -> None:
        """Leap to the next block that falls due, at most so far."""
        before_ns = self.now_ns()
        due_ns = min((one.due_ns for one in self.microphones), default=before_ns)
        until_ns = max(before_ns, min(due_ns, before_ns + round(seconds * 1e9)))
        self.idle_ns += until_ns - before_ns
        # what it took to find that out is nobody's work
        self._offset_ns = until_ns - time.process_time_ns()
        self.seen_ns = until_ns


class Round:
    """An AudioSource's sound in memory, which goes round and round."""

    listening = hearing = True

    def __init__(self, name: str, sound: I16, first_sample: int, block_samples: int) -> None:
        """`first_sample`: where in the sound it begins."""
        self.name = name
        self.attended = 0
        self.position = 0
        """Samples that were read."""
        self._sound = np.concatenate([sound, sound[:block_samples]])
        self._n = len(sound)
        self._at = first_sample % self._n
        self._block_samples = block_samples

    def block(self, captured_ns: int) -> Block:
        """The next one."""
        block = Block(self._sound[self._at : self._at + self._block_samples].copy(), self.position, captured_ns)
        self._at = (self._at + self._block_samples) % self._n
        self.position += self._block_samples
        return block

    def device(self) -> dict[str, Any] | None:
        """There is none."""
        return None

    def release(self) -> bool:
        """There is nothing to give back."""
        return True

    def close(self) -> None:
        """There is nothing to close."""


class Microphone(Round):
    """Its blocks fall due by a clock, and never end."""

    ended = False

    def __init__(self, name: str, sound: I16, first_sample: int, block_samples: int, block_ns: int, clock: CoreClock) -> None:
        """`first_sample` decides within a block's time when its blocks fall due, too."""
        super().__init__(name, sound, first_sample, block_samples)
        self.newest_ns = 0
        """When the block that was last read fell due."""
        self.due_ns = round(block_ns * (1.0 + first_sample % block_samples / block_samples))
        self._block_ns, self._clock = block_ns, clock

    def read(self) -> Block | None:
        """The next block, if it is due."""
        if self.due_ns > self._clock.seen_ns:
            return None
        self.newest_ns = self.due_ns
        self.due_ns += self._block_ns
        return self.block(self.newest_ns)


@dataclass
class Timed:
    """A sink that notes how late each message is behind the sound that it is of, and passes it on."""

    outbox: Outbox
    clock: CoreClock
    newest_ns: Callable[[str], int]
    """By the seat's name."""
    from_ns: int
    """What is of older sound is not noted."""
    is_over: bool = False
    """Nothing more is noted: all seats end at once, which microphones never do."""
    late_ms: list[float] = field(default_factory=list)
    n_utterances: int = 0

    def commit(self, message: Message) -> int:
        """As the outbox."""
        seq = self.outbox.commit(message)
        seat, kind = message.topic.split("/")
        self.n_utterances += kind == "utterance"
        if not self.is_over and self.newest_ns(seat) >= self.from_ns:
            self.late_ms.append((self.clock.now_ns() - self.newest_ns(seat)) / 1e6)
        return seq


@dataclass(frozen=True)
class Heard:
    """What so many seats came to."""

    n_seats: int
    seconds: float
    """Of sound that each has heard."""
    core_percent: float
    n_utterances: int
    n_answers: int
    n_questions: int
    """Calls of the model; each asks for the answers of all seats that have something new."""
    late_ms: NDArray[np.float64]
    """Of each message, behind the newest sample that it is of."""


def hear(
    model: Model, n_seats: int, sound: I16, rate_hz: int, seconds: float, longest_ms: float, settings: Settings | None = None
) -> Heard:
    """Each seat hears the sound from a place of its own, for so long, or until a message is later than `longest_ms`."""
    from daemon.service.metrics import Metrics

    settings = settings or Settings(node=NodeSettings(NODE))
    clock, metrics = CoreClock(), Metrics()
    block_samples = assembly.block_samples(model.contract)
    block_ns = round(block_samples / rate_hz * 1e9)
    begins = np.random.default_rng(n_seats).integers(len(sound), size=n_seats)
    clock.microphones = [
        Microphone(f"seat{k}", sound, int(begin), block_samples, block_ns, clock) for k, begin in enumerate(begins)
    ]
    newest = {one.name: one for one in clock.microphones}
    with ExitStack() as opened:
        outbox = _delivered(opened)
        sink = Timed(outbox, clock, lambda seat: newest[seat].newest_ns, round(SETTLE_S * 1e9))
        pipeline, _ = assembly.assemble(settings, model, clock.microphones, sink, clock, NODE, metrics)
        clock.begin()
        pipeline.run(_Until(clock, sink, round(seconds * 1e9), longest_ms))
        heard_ns = clock.now_ns()
    idle_share = clock.idle_ns / heard_ns
    return Heard(
        n_seats,
        heard_ns / 1e9,
        round(100.0 * (1.0 - idle_share), 2),
        sink.n_utterances,
        metrics.windows,
        metrics.inference_ms.count,
        np.array(sink.late_ms),
    )


def _delivered(opened: ExitStack) -> Outbox:
    """An outbox on disk, and what delivers it to a broker."""
    broker = opened.enter_context(PrivateBroker())
    place = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="affectd-seats-"))) / "outbox.sqlite"
    outbox = Outbox(place, NODE, OutboxSettings(), NODE)
    opened.callback(outbox.close)
    delivery = MqttDelivery(BrokerSettings(port=broker.port), NODE, outbox, SystemClock().at)
    delivery.start()
    opened.callback(delivery.stop, FAREWELL_S)
    until_s = time.monotonic() + CONNECT_S
    while not delivery.connected:
        assert time.monotonic() < until_s, "the broker does not answer"
        time.sleep(0.01)
    return outbox


@dataclass(frozen=True)
class _Until:
    """Asked before each turn, so that the clock is looked at as often; tells the sink when it is over."""

    clock: CoreClock
    sink: Timed
    until_ns: int
    longest_ms: float

    def is_set(self) -> bool:
        late_ms: Sequence[float] = self.sink.late_ms
        self.sink.is_over = self.clock.now_ns() >= self.until_ns or bool(late_ms and late_ms[-1] > self.longest_ms)
        return self.sink.is_over
