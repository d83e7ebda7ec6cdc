"""One seat: what its source brings, and what is to be said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from daemon import decision
from daemon.acquaintance import Acquaintance
from daemon.decision import Episode, Mood
from daemon.events import Block, Message
from daemon.listener import Closed, Heard, Listener, Opened
from daemon.messages import Composer
from daemon.ports import AudioSource, Model
from daemon.settings import DecisionSettings
from dsp.window import FeatureWindow
from models.contract import STREAM

SILENT_DBFS = -120.0


@dataclass(frozen=True)
class Timing:
    """When the stages of one turn of the loop were passed, on the pipeline's clock."""

    captured_ns: int
    taken_ns: int
    framed_ns: int
    inferred_ns: int


class Seat:
    """A source with its listener, its mood and its episode."""

    def __init__(
        self,
        source: AudioSource,
        new_listener: Callable[[], Listener],
        composer: Composer,
        model: Model,
        settings: DecisionSettings,
        *,
        acquaintance: Acquaintance | None,
    ) -> None:
        """`new_listener`: one that has heard nothing. `acquaintance`: None: each utterance stands alone."""
        self.source = source
        self.listening = True
        self.hearing = True
        """What the seat has told of its source, as the one before."""
        self.acquaintance = acquaintance
        self._new_listener = new_listener
        self._listener = new_listener()
        self._composer = composer
        self._model = model
        self._contract = model.contract
        self._settings = settings
        self._rate_hz = model.contract.front_end.sample_rate_hz
        self._heard: list[Heard] = []
        self._being_said = model.begin()
        self._answers: list[NDArray[np.float64]] = []
        self._mood = Mood()
        self._episode: Episode | None = None
        self._n_episodes = 0
        self._speaking = False
        self._ended = False
        self._turned = False
        self._judged_sample = 0
        self._state_sample: int | None = None
        self._square_sum = 0.0
        self._n_squared = 0
        self.now_sample = 0
        self.n_utterances = 0
        self.lost_samples = 0
        """Samples that never reached the loop."""

    def hear(self, block: Block) -> list[Any]:
        """Take a block; give what the model is to judge. Its answers go to `tell`, before anything else is heard."""
        self.lost_samples += block.start_sample - self.now_sample
        self.now_sample = block.end_sample
        self._square_sum += float(np.square(block.samples, dtype=np.float64).sum())
        self._n_squared += len(block.samples)
        return self._pieces(self._listener.push(block))

    def finish(self) -> list[Any]:
        """The source has ended, or the service does: as `hear`."""
        self._ended = True
        return self._pieces(self._listener.finish())

    def turn(self) -> list[Any]:
        """The source was switched on or off: as `hear`.

        What was being said then is judged no more, and nothing that was heard before is known any more.
        """
        self.listening, self.hearing = self.source.listening, self.source.hearing
        self._turned = True
        self._listener = self._new_listener()
        self._being_said = self._model.begin()
        self._answers = []
        self._mood = Mood(since_sample=self.now_sample, heard_sample=self.now_sample)
        self._speaking = False
        self._square_sum, self._n_squared = 0.0, 0
        if self.acquaintance:
            self.acquaintance.forget("switched " + ("on" if self.listening else "off"))
        return self._pieces([])

    def turn_deaf(self) -> list[Any]:
        """The device is gone, or hangs; or it brings sound again: as `hear`.

        What was being said up to then is judged, and the episode ends with it: nobody knows how it goes on. Who sits there is
        still known, and positions will show the hole.
        """
        self.hearing = self.source.hearing
        self._turned = True
        return self._pieces([] if self.hearing else self._listener.finish())

    def _pieces(self, heard: list[Heard]) -> list[Any]:
        self._heard = heard
        pieces = []
        for one in heard:
            if isinstance(one, Opened):
                self._being_said = self._model.begin(self.acquaintance.known() if self.acquaintance else None)
            elif isinstance(one, FeatureWindow):
                pieces.append(self._being_said.push(one.values))
            elif self.acquaintance:
                # what is clipped is not how somebody speaks
                clear = one.clipped_share <= decision.CLIPPED_SHARE
                self.acquaintance.heard(self._being_said.summary() if clear else None, one.stretch.end_sample)
        return pieces

    def tell(self, probabilities: list[NDArray[np.float64]], timing: Timing) -> list[Message]:
        """What is to be said after a block: `probabilities` of all that the model was to judge, in the same order."""
        answers = iter(probabilities)
        messages: list[Message] = []
        changed = False
        for one in self._heard:
            changed = True
            if isinstance(one, Opened):
                self._speaking = True
                self._judged_sample = one.start_sample
            elif isinstance(one, FeatureWindow):
                self._take(next(answers), one)
            else:
                self._speaking = False
                messages.append(self._utterance(one, timing))
        if not self._speaking:
            self._mood = decision.faded(self._mood, self.now_sample, self._rate_hz, self._settings)
            if self.acquaintance:
                self.acquaintance.passed(self.now_sample)
        messages += self._episodes()
        if not self.hearing:
            self._speaking = False
            self._mood = Mood(since_sample=self.now_sample, heard_sample=self.now_sample)
        changed = changed or self._ended or self._turned
        self._turned = False
        return messages + self._states(changed)

    @property
    def n_known(self) -> int:
        """Utterances from which the seat knows its speaker."""
        return self.acquaintance.n_utterances if self.acquaintance else 0

    def _take(self, answer: NDArray[np.float64], window: FeatureWindow) -> None:
        self._answers.append(answer)
        window_samples = len(window.values) * self._contract.front_end.hop_samples
        new_s = min(window_samples, window.end_sample - self._judged_sample) / self._rate_hz
        self._judged_sample = window.end_sample
        self._mood = decision.smoothed(
            self._mood, answer, window.end_sample, max(0.0, new_s), self._contract.labels, self._settings
        )

    def _utterance(self, closed: Closed, timing: Timing) -> Message:
        # a stream's last answer is of the whole utterance
        judged = self._answers[-1:] if self._contract.form == STREAM else self._answers
        said = decision.verdict(judged, self._contract.labels, self._settings, closed.clipped_share)
        self.n_utterances += 1
        n_windows = len(self._answers)
        self._answers = []
        return self._composer.utterance(closed.stretch, said, n_windows, closed.clipped_share, self._latency_ms(closed, timing))

    def _latency_ms(self, closed: Closed, timing: Timing) -> dict[str, float]:
        """From the last voiced sample on: how long the gate waited, then each stage, and all together."""
        hang_over_ms = (closed.stretch.decided_sample - closed.stretch.end_sample) / self._rate_hz * 1e3
        # the gate decided within this block: the samples after its decision had to be waited for, too
        block_ms = (self.now_sample - closed.stretch.decided_sample) / self._rate_hz * 1e3
        stages = {
            "hang_over": hang_over_ms,
            "block": block_ms,
            "queue": (timing.taken_ns - timing.captured_ns) / 1e6,
            "front_end": (timing.framed_ns - timing.taken_ns) / 1e6,
            "inference": (timing.inferred_ns - timing.framed_ns) / 1e6,
        }
        return {**stages, "total": sum(stages.values())}

    def _episodes(self) -> list[Message]:
        before = self._episode
        if not self.hearing and before is None:
            return []
        if (self._ended or not self.hearing) and before is not None:
            self._episode = None
            return [self._composer.episode("end", before, self._mood, self.now_sample)]
        self._episode, told = decision.episode_step(
            before, self._mood, self._n_episodes, self.now_sample, self._rate_hz, self._settings
        )
        if told is None:
            return []
        phase, episode = told
        self._n_episodes = max(self._n_episodes, episode.number)
        return [self._composer.episode(phase, episode, self._mood, self.now_sample)]

    def _states(self, changed: bool) -> list[Message]:
        due = (
            self._state_sample is None or (self.now_sample - self._state_sample) / self._rate_hz >= self._settings.state_every_s
        )
        if not (changed or due):
            return []
        self._state_sample = self.now_sample
        message = self._composer.state(self._mood, self._speaking, self._level_dbfs(), self.listening, self.hearing)
        self._square_sum, self._n_squared = 0.0, 0
        return [message]

    def _level_dbfs(self) -> float:
        """Of the sound since the last state, against a full-scale sine's peak."""
        if self._n_squared == 0 or self._square_sum == 0.0:
            return SILENT_DBFS
        return max(SILENT_DBFS, 10.0 * math.log10(self._square_sum / self._n_squared / 32768.0**2))
