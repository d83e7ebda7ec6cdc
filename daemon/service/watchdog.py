"""What the loop does for systemd between its turns: says that the service is ready, that it is alive, and what it does.

It has no thread: whatever holds up the loop, be it a device, the gate or an inference, holds up the word to systemd, and the
watchdog fires although the other threads are well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Sequence

from daemon.service.notify import Notifier

LOOK_EVERY_S = 0.1
SAY_EVERY_S = 1.0
FEEDS = 3
"""So often within the time of the watchdog it is fed: one that is missed does no harm."""
WAITING_S = 15.0
"""While the start waits for sound, systemd is asked for so much more time, again and again."""

HEARD, OPENING, GONE, OFF, ENDED = "heard", "opening", "gone", "off", "ended"
"""How a source is: brings sound; has brought none yet; its device is away, which has been said, and it is tried again; switched
off by a command; a recording that is over."""


@dataclass(frozen=True)
class Ear:
    """A source, as the watchdog sees it."""

    name: str
    state: str
    progress: int
    """Grows as long as somebody sees to the source, whether it brings sound or not."""


class Watchdog:
    """For the loop's thread alone."""

    def __init__(
        self,
        notifier: Notifier,
        ears: Callable[[], Sequence[Ear]],
        n_answers: Callable[[], int],
        trial: Callable[[], None],
        doing: Callable[[], str],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`n_answers`: of the model to what was heard, so far. `trial` returns once the model has answered.
        `doing`: what the service does, in words.
        """
        self._notifier = notifier
        self._ears = ears
        self._n_answers = n_answers
        self._trial = trial
        self._doing = doing
        self._now_s = now_s
        self._look_s = self._say_s = self._extend_s = self._feed_s = float("-inf")
        self._progress: dict[str, int] = {}
        self._answered = 0
        self._has_moved = False
        self.is_ready = False

    def turned(self) -> None:
        """The loop has made a turn. Raises ModelError where the model answers no more, but something else."""
        now_s = self._now_s()
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_EVERY_S
        ears = self._ears()
        if now_s >= self._feed_s and self._all_moved_on(ears):
            self._feed(now_s)
        if not self.is_ready:
            self._begin(ears, now_s)
        elif now_s >= self._say_s:
            self._say_s = now_s + SAY_EVERY_S
            self._notifier.status(self._doing())

    def _all_moved_on(self, ears: Sequence[Ear]) -> bool:
        """Since the last time; a source that is off or over need not."""
        seen = self._progress
        return all(ear.progress > seen.get(ear.name, -1) for ear in ears if ear.state not in (OFF, ENDED))

    def _feed(self, now_s: float) -> None:
        if self._n_answers() == self._answered:
            # nobody has spoken since
            self._trial()
        is_first, self._has_moved = not self._has_moved, True
        self._answered = self._n_answers()
        self._progress = {ear.name: ear.progress for ear in self._ears()}
        within_s = self._notifier.watchdog_s
        if within_s is None:
            # nobody wants to know: one trial has shown that the model answers
            self._feed_s = float("inf")
            return
        self._feed_s = now_s + within_s / FEEDS
        if is_first:
            # before it, a change of settings was given more time
            self._notifier.watch(within_s)
        else:
            self._notifier.alive()

    def _begin(self, ears: Sequence[Ear], now_s: float) -> None:
        """Ready is who hears, and whose model has answered. A source that is away and has said so does not count."""
        states = {ear.state for ear in ears}
        hears = HEARD in states or states <= {OFF, ENDED}
        if hears and OPENING not in states and self._has_moved:
            self.is_ready = True
            self._notifier.status(self._doing())
            self._notifier.ready()
        elif now_s >= self._extend_s:
            self._extend_s = now_s + WAITING_S / FEEDS
            self._notifier.extend(WAITING_S)
            waited_for = ", ".join(ear.name for ear in ears if ear.state in (OPENING, GONE))
            self._notifier.status(f"starting: waits for sound from {waited_for}")
