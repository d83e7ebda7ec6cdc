"""What the service does, for systemd's watchdog and in the words of its status."""

from __future__ import annotations

from typing import Sequence

from daemon.seat import Seat
from daemon.service.watchdog import ENDED, GONE, HEARD, OFF, OPENING, Ear


def ears(seats: Sequence[Seat]) -> list[Ear]:
    """How each seat's source is. Any thread may look."""
    return [Ear(seat.source.name, _state(seat), seat.source.attended) for seat in seats]


def doing(seats: Sequence[Seat], connected: bool, n_waiting: int) -> str:
    """In a line: who is heard and who is not, what was said, whether it arrives."""
    states = [_state(seat) for seat in seats]
    said = [f"listening to {states.count(HEARD)} of {_counted(len(states), 'seat')}"]
    for state, how in (
        (GONE, "has no sound"),
        (OPENING, "is being opened"),
        (OFF, "is switched off"),
        (ENDED, "is at its end"),
    ):
        names = [seat.source.name for seat, its in zip(seats, states) if its == state]
        said += [f"{' and '.join(names)} {how}"] if names else []
    said.append(_counted(sum(seat.n_utterances for seat in seats), "utterance"))
    said.append("broker connected" if connected else "no broker")
    said += [f"{_counted(n_waiting, 'message')} to deliver"] if n_waiting and not connected else []
    return ", ".join(said)


def _state(seat: Seat) -> str:
    if not seat.source.listening:
        return OFF
    if seat.source.ended:
        return ENDED
    if not seat.source.hearing:
        return GONE
    return HEARD if seat.now_sample else OPENING


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
