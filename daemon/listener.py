"""One source's way from blocks to what the model is to judge: windows of its utterances, or pieces for a stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

import numpy as np
from numpy.typing import NDArray

from daemon.events import Block, Stretch
from daemon.gate import IsSpeech, SpeechGate
from daemon.settings import GateSettings
from dsp import framing
from dsp.frontend import FRAMES_AT_ONCE
from dsp.online import OnlineFrontEnd
from dsp.params import FrontEndParams, whole_samples
from dsp.window import FeatureWindow, Pieces, SlidingWindow
from models.speech import SpeechTest, SpeechWatch

FULL_SCALE = 32767


@dataclass(frozen=True)
class Opened:
    """Somebody began to speak."""

    start_sample: int


@dataclass(frozen=True)
class Closed:
    """An utterance is over; its windows came before."""

    stretch: Stretch
    clipped_share: float
    """Of its samples, those at full scale."""


Heard = Union[Opened, FeatureWindow, Closed]


class Listener:
    """Front end, gate and sliding window of one source. Only frames that certainly are speech reach a window, or a piece.

    Frames are computed several at a time, but never later than something is to be told of them. Those of a pause wait in a
    history until the gate knows whether the pause lies within the utterance or ends it.
    With a test for speech, an utterance is told of once a second of it has passed: until then all of it is held back, and
    of what is no speech nothing is ever told.
    """

    _front_end: OnlineFrontEnd
    _gate: SpeechGate
    _end_sample: int

    def __init__(
        self,
        front_end: FrontEndParams,
        window_frames: int,
        stride_frames: int,
        gate: GateSettings,
        is_speech: IsSpeech,
        max_block_samples: int,
        speech: SpeechTest | None = None,
    ) -> None:
        """`window_frames` 0: no windows, but pieces of `stride_frames`. `speech`: None: whatever the gate lets through is."""
        self._params = front_end
        self._gate_settings = gate
        self._is_speech = is_speech
        self._max_block_samples = max_block_samples
        self._window = (
            SlidingWindow(front_end, window_frames, stride_frames) if window_frames else Pieces(front_end, stride_frames)
        )
        self._watch = SpeechWatch(speech) if speech else None
        self._held_back: list[Heard] = []
        waiting_ms = gate.onset_ms + gate.pre_roll_ms + gate.hang_over_ms
        waiting_samples = whole_samples(waiting_ms, front_end.sample_rate_hz) + max_block_samples + front_end.frame_samples
        waiting_samples += FRAMES_AT_ONCE * front_end.hop_samples
        self._history = np.zeros((2 + waiting_samples // front_end.hop_samples, front_end.n_features), np.float32)
        self._begin(0)

    def push(self, block: Block) -> list[Heard]:
        """What the block brought, in order. Lost sound before it ends the utterance that was open."""
        heard: list[Heard] = []
        if block.start_sample != self._end_sample:
            heard += self.finish()
            self._begin(block.start_sample)
        self._end_sample = block.end_sample
        self._front_end.take(framing.float32_from_int16(block.samples))
        if self._front_end.n_due >= FRAMES_AT_ONCE:
            self._compute()
        closed = self._gate.push(block.samples)
        self._count_clipped(block.samples)
        for stretch in closed:
            heard += self._close(stretch)
        if self._gate.start is not None:
            heard += self._feed(self._gate.start, self._gate.voiced_end)
        return heard

    def finish(self) -> list[Heard]:
        """The stream ends: what is still open."""
        stretch = self._gate.finish()
        return self._close(stretch) if stretch is not None else []

    def _begin(self, at_sample: int) -> None:
        self._base_sample = at_sample
        self._end_sample = at_sample
        self._front_end = OnlineFrontEnd(self._params, self._max_block_samples)
        self._gate = SpeechGate(self._gate_settings, self._params.sample_rate_hz, self._is_speech, at_sample)
        self._open = False
        self._next_frame = 0
        self._forget_clipping()

    def _compute(self) -> None:
        """All frames that are there: they wait for each other, as several cost what one does, until something wants them."""
        frames = self._front_end.compute()
        first = self._front_end.n_frames - len(frames)
        self._history[np.arange(first, first + len(frames)) % len(self._history)] = frames

    def _feed(self, start_sample: int, end_sample: int) -> list[Heard]:
        """Give the window every frame that lies within the utterance and has not been given yet."""
        if not self._open:
            # the first frame that begins at or after the start
            self._next_frame = -((self._base_sample - start_sample) // self._params.hop_samples)
        upto = framing.n_frames(min(end_sample, self._end_sample) - self._base_sample, self._params)
        if upto <= self._next_frame:
            return []
        heard: list[Heard] = []
        if not self._open:
            self._window.begin(self._next_frame)
            if self._watch:
                self._watch.begin()
            self._open = True
            heard.append(Opened(start_sample))
        if upto - self._next_frame >= self._due_in():
            self._compute()
        upto = max(self._next_frame, min(upto, self._front_end.n_frames))
        frames = self._history[np.arange(self._next_frame, upto) % len(self._history)]
        self._next_frame = upto
        if self._watch:
            self._watch.push(frames)
        return self._told(heard + [self._placed(window) for window in self._window.push(frames)])

    def _due_in(self) -> int:
        """So many frames more, and there is something to tell."""
        watched = self._watch.due_in if self._watch else None
        return self._window.due_in if watched is None else min(self._window.due_in, watched)

    def _close(self, stretch: Stretch) -> list[Heard]:
        self._compute()
        heard = self._feed(stretch.start_sample, stretch.end_sample)
        if self._open:
            if self._watch:
                self._watch.finish()
            last = [self._placed(window) for window in self._window.finish()]
            heard += self._told([*last, Closed(stretch, self._n_clipped / max(1, self._n_spoken))])
            self._held_back = []
        # else it was shorter than a frame, as what follows a cut may be: there is nothing to judge
        self._open = False
        self._forget_clipping()
        return heard

    def _told(self, heard: list[Heard]) -> list[Heard]:
        """What may be told now, all that was held back before it; nothing before speech was found."""
        if not self._watch:
            return heard
        self._held_back += heard
        if not self._watch.found:
            return []
        told, self._held_back = self._held_back, []
        return told

    def _placed(self, window: FeatureWindow) -> FeatureWindow:
        return replace(window, end_sample=window.end_sample + self._base_sample)

    def _forget_clipping(self) -> None:
        self._n_clipped = self._n_spoken = 0
        self._n_clipped_waiting = self._n_waiting = 0
        self._counted_to = self._gate.voiced_end

    def _count_clipped(self, samples: NDArray[np.int16]) -> None:
        """Samples at full scale count once their block is known to hold speech."""
        self._n_waiting += len(samples)
        self._n_clipped_waiting += int(np.count_nonzero((samples >= FULL_SCALE) | (samples <= -FULL_SCALE)))
        if self._gate.voiced_end > self._counted_to:
            self._counted_to = self._gate.voiced_end
            self._n_spoken += self._n_waiting
            self._n_clipped += self._n_clipped_waiting
            self._n_waiting = self._n_clipped_waiting = 0
        elif self._gate.start is None:
            self._n_waiting = self._n_clipped_waiting = 0
