"""The loop: blocks in, messages out, what all seats heard in one call of the model."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

from daemon.events import Block
from daemon.ports import Clock, Model, Sink, Stop
from daemon.seat import Seat, Timing
from daemon.service.metrics import Metrics

IDLE_WAIT_S = 0.02

Turn = Tuple[Seat, List[Any], int, int]
"""A seat, what the model is to judge for it, when the newest of that was captured, and when the loop took it (ns)."""


class Pipeline:
    """Runs the seats until all sources have ended, or until it is stopped."""

    def __init__(self, seats: Sequence[Seat], model: Model, sink: Sink, clock: Clock, metrics: Metrics) -> None:
        self._open = list(seats)
        self._model = model
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self.sample_rate_hz = model.contract.front_end.sample_rate_hz

    def run(self, stop: Stop, turned: Callable[[], None] = lambda: None) -> None:
        """Until everything has ended or `stop` is set; `turned` is called after each turn. Raises what a source raises."""
        try:
            while self._open and not stop.is_set():
                if not self.step():
                    self._clock.wait(IDLE_WAIT_S)
                turned()
        finally:
            # however it ends: what was said until now is judged, and no seat is left speaking
            self._judge([self._ending(seat) for seat in self._open])
            self._open = []

    def step(self) -> bool:
        """One turn: at most a block from each seat. False when there was nothing to do."""
        turn: list[Turn] = []
        try:
            for seat in list(self._open):
                block = seat.source.read()
                if seat.source.listening != seat.listening:
                    now_ns = self._clock.now_ns()
                    turn.append((seat, seat.turn(), now_ns, now_ns))
                elif seat.source.hearing != seat.hearing:
                    now_ns = self._clock.now_ns()
                    turn.append((seat, seat.turn_deaf(), now_ns, now_ns))
                elif block is not None:
                    taken_ns = self._take(block)
                    turn.append((seat, seat.hear(block), block.captured_ns, taken_ns))
                elif seat.source.ended:
                    self._open.remove(seat)
                    turn.append(self._ending(seat))
        finally:
            # one source that fails takes nothing from the others
            self._judge(turn)
        return bool(turn)

    def _ending(self, seat: Seat) -> Turn:
        now_ns = self._clock.now_ns()
        return seat, seat.finish(), now_ns, now_ns

    def _take(self, block: Block) -> int:
        self._clock.heard(block)
        self._metrics.blocks += 1
        self._metrics.samples += len(block.samples)
        return self._clock.now_ns()

    def _judge(self, turn: list[Turn]) -> None:
        framed_ns = self._clock.now_ns()
        pieces = [piece for _, its, _, _ in turn for piece in its]
        answers = list(self._model.answer(pieces)) if pieces else []
        inferred_ns = self._clock.now_ns()
        if pieces:
            self._metrics.judged(len(pieces), inferred_ns - framed_ns)
        for seat, its, captured_ns, taken_ns in turn:
            mine, answers = answers[: len(its)], answers[len(its) :]
            for message in seat.tell(mine, Timing(captured_ns, taken_ns, framed_ns, inferred_ns)):
                self._metrics.committed(message, self._sink.commit(message))
