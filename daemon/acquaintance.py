"""What a seat gets to know of its speaker, and when it forgets; time is counted in samples of sound.

Means of what was said, a few hundred numbers, go to the model with the next utterance; it takes them off. They are forgotten
after a long silence, when the service is told so, and at a jump: when the newest utterances lie far from all before.

How far is `models.adaptation.distance`. No such distance tells a newcomer from a mood: somebody calm who becomes angry moves
farther than from one voice to another, if not for as long. To forget in the midst of a mood is the worse error: the mood would
be what is usual from there on. So it takes many utterances, far away: one speaker, calm but for moods of up to 14 utterances,
is then forgotten 0.2 times in 100 utterances. After another speaker of that kind, within 20 utterances, a newcomer of the other
sex is noticed in 38 % (EMO-DB) and 82 % (RAVDESS), one of the same in 0 and 45 %: `python -m benchmarks newcomer`. Whoever is
not noticed is known by and by, as what is old fades.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from daemon.settings import SeatSettings
from dsp.params import FrontEndParams
from dsp.running_functionals import n_functionals
from models.adaptation import Heard, Running, distance

logger = logging.getLogger(__name__)

LEAST_S = 0.6
"""A shorter utterance teaches nothing: a yes, a cough."""
MOST_UTTERANCES = 60
MOST_S = 300.0
"""So many utterances, and so much of their sound, count at most; then the old ones fade."""
NEWEST = 20
"""Utterances that are held against all before them: more than a mood lasts, mostly."""
TELLABLE = 20
"""Utterances before these that it takes to know how one speaks here."""
JUMP = 12.0
"""The distance at which the newest are somebody else's; chosen, as the two before, on half of the benchmark's speakers."""


@dataclass(frozen=True)
class Memory:
    """All that a seat knows."""

    before: Running
    """Of all but the newest utterances."""
    newest: tuple[Heard, ...] = ()
    """At most NEWEST, oldest first."""


class Acquaintance:
    """One seat's. For one thread, but any may read `memory`, and `ask_to_forget`."""

    def __init__(self, seat: str, front_end: FrontEndParams, settings: SeatSettings) -> None:
        """Raises ParamError for a front end whose frames have no functionals."""
        self._seat = seat
        self._nothing = Memory(Running.nothing(front_end.n_mels, n_functionals(front_end)))
        self._forget_after_s = settings.forget_after_s
        self._rate_hz = front_end.sample_rate_hz
        frames_a_second = front_end.sample_rate_hz / front_end.hop_samples
        self._least_frames = LEAST_S * frames_a_second
        self._most_frames = MOST_S * frames_a_second
        self._spoken_sample = 0
        self._asked: str | None = None
        self.memory = self._nothing
        """Replaced as a whole, never changed."""

    def known(self) -> Heard | None:
        """For the next utterance; None: nothing is known yet."""
        self._forget_if_asked()
        kept = self.worth_keeping()
        return kept.as_heard() if kept else None

    @property
    def n_utterances(self) -> int:
        """How many count."""
        memory = self.memory
        return min(round(memory.before.n_utterances) + len(memory.newest), MOST_UTTERANCES)

    def heard(self, summary: Heard | None, end_sample: int) -> None:
        """An utterance is over; None: there was nothing to learn from it, but somebody did speak."""
        self._spoken_sample = end_sample
        # who changed while it was said may have said either end of it
        if self._forget_if_asked() or summary is None or summary.n_frames < self._least_frames:
            return
        before, newest = self.memory.before, (*self.memory.newest, summary)
        if len(newest) > NEWEST:
            before, newest = self._with_one(before, newest[0]), newest[1:]
        self.memory = Memory(before, newest)
        if len(newest) == NEWEST and before.n_utterances >= TELLABLE and distance(before, newest) > JUMP:
            self.forget("another voice")

    def passed(self, now_sample: int) -> None:
        """Nobody speaks now; lost sound is time without speech, too."""
        self._forget_if_asked()
        if (now_sample - self._spoken_sample) / self._rate_hz >= self._forget_after_s and self.n_utterances:
            self.forget("long silence")

    def forget(self, reason: str) -> None:
        """Nothing is known any more."""
        if self.n_utterances:
            logger.info("seat %s: forgotten what %d utterances taught: %s", self._seat, self.n_utterances, reason)
        self.memory = self._nothing

    def ask_to_forget(self, reason: str) -> None:
        """Any thread: done before anything else is learnt, what is being said just now included."""
        self._asked = reason

    def _forget_if_asked(self) -> bool:
        reason, self._asked = self._asked, None
        if reason is not None:
            self.forget(reason)
        return reason is not None

    def worth_keeping(self) -> Running | None:
        """Of all utterances, the newest too; None: nothing is known."""
        memory = self.memory
        running = memory.before
        for heard in memory.newest:
            running = self._with_one(running, heard)
        return running if running.n_utterances else None

    def recalled(self, kept: Running) -> Memory:
        """A memory of what was worth keeping. Raises ValueError when that cannot be ours."""
        nothing = self._nothing.before
        for name in ("log_mel", "functionals", "scatter"):
            got, wanted = getattr(kept, name).shape, getattr(nothing, name).shape
            if got != wanted:
                raise ValueError(f"its {name} is of {got}, not {wanted}")
        if not (1.0 <= kept.n_utterances <= MOST_UTTERANCES and 1.0 <= kept.n_frames <= self._most_frames):
            raise ValueError(f"it counts {kept.n_utterances:g} utterances of {kept.n_frames:g} frames")
        if kept.scatter.min() < 0.0:
            raise ValueError("its scatter is below 0")
        return Memory(kept)

    def _with_one(self, running: Running, heard: Heard) -> Running:
        return running.with_one(heard, self._most_frames, float(MOST_UTTERANCES))
