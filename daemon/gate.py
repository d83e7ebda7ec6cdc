"""Voice activity: where a stretch of speech begins and ends."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Callable

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from daemon.events import Stretch
from daemon.noise_floor import NoiseFloor
from daemon.settings import GateSettings
from dsp.params import whole_samples

VAD_FRAME_MS = 20.0
VAD_RATES_HZ = (8000, 16000, 32000, 48000)

IsSpeech = Callable[[bytes], bool]


def webrtc_detector(aggressiveness: int, sample_rate_hz: int) -> IsSpeech:
    """WebRTC's detector for frames of VAD_FRAME_MS, of one stream; `sample_rate_hz` one of VAD_RATES_HZ.

    It takes the noise of a moving car for speech nearly always. So what does not stand out of the noise is none.
    """
    vad, noise = webrtcvad.Vad(aggressiveness), NoiseFloor(sample_rate_hz, VAD_FRAME_MS)

    def is_speech(frame: bytes) -> bool:
        stands_out = noise.stands_out(frame)
        return stands_out and bool(vad.is_speech(frame, sample_rate_hz))

    return is_speech


class SpeechGate:
    """Turns the detector's frames into stretches: it opens on dense voice, and closes after a hang-over without any.

    A little of what is before the first voice and after the last belongs to it: the detector misses the faint ends of speech.
    What is much fainter than the loudest voice of the stretch does not: the detector goes on for a while after the voice, and
    before and after it there may be digital silence, which no microphone's model was trained on.
    A stretch that lasts too long is closed and another one opened at once, so that memory stays bounded while a radio
    talks for hours.
    """

    def __init__(self, settings: GateSettings, sample_rate_hz: int, is_speech: IsSpeech, start_sample: int = 0) -> None:
        self._settings = settings
        self._is_speech = is_speech
        self._frame_samples = whole_samples(VAD_FRAME_MS, sample_rate_hz)
        self._hang_over_samples = whole_samples(settings.hang_over_ms, sample_rate_hz)
        self._pre_roll_samples = whole_samples(settings.pre_roll_ms, sample_rate_hz)
        self._longest_samples = whole_samples(settings.longest_utterance_s * 1000.0, sample_rate_hz)
        self._n_onset = round(settings.onset_ms / VAD_FRAME_MS)
        self._n_post_roll = round(settings.post_roll_ms / VAD_FRAME_MS)
        # the newest frames, those that a pre-roll may reach back to included: voiced or not, and power
        self._newest: deque[tuple[bool, float]] = deque(maxlen=self._n_onset + ceil(settings.pre_roll_ms / VAD_FRAME_MS))
        self._quiet_share = 10.0 ** (-settings.range_db / 10.0)
        self._loudest = 0.0
        # of the frames since the newest voice those that are not silent and may be a post-roll
        self._n_after = 0
        self._fell_silent = False
        self._waiting = np.empty(self._frame_samples, np.int16)
        self._n_waiting = 0
        self._position = start_sample
        self._earliest = start_sample
        self._start: int | None = None
        self.voiced_end = start_sample
        """Just past the newest voiced sample: sound up to here belongs to the open stretch for certain."""

    @property
    def start(self) -> int | None:
        """Where the open stretch began; None while nobody speaks."""
        return self._start

    def push(self, samples: NDArray[np.int16]) -> list[Stretch]:
        """Take the next samples of the stream, (n,) int16; give the stretches that close among them."""
        closed = []
        taken = 0
        while taken < len(samples):
            n = min(self._frame_samples - self._n_waiting, len(samples) - taken)
            self._waiting[self._n_waiting : self._n_waiting + n] = samples[taken : taken + n]
            self._n_waiting += n
            taken += n
            if self._n_waiting == self._frame_samples:
                self._n_waiting = 0
                self._position += self._frame_samples
                power = float(np.square(self._waiting, dtype=np.float64).mean())
                stretch = self._step(self._is_speech(self._waiting.tobytes()), power)
                if stretch is not None:
                    closed.append(stretch)
        return closed

    def finish(self) -> Stretch | None:
        """The stream ends here: the open stretch, if there is one."""
        return self._close() if self._start is not None else None

    def _step(self, voiced: bool, power: float) -> Stretch | None:
        self._newest.append((voiced, power))
        if self._start is None:
            if voiced and self._dense():
                self._open()
            return None
        if voiced and power >= self._loudest * self._quiet_share:
            self._voiced_now()
            self._loudest = max(self._loudest, power)
        else:
            self._fell_silent |= power < self._loudest * self._quiet_share
            self._n_after += not self._fell_silent
        if self._position - self.voiced_end >= self._hang_over_samples:
            return self._close()
        if self._position - self._start >= self._longest_samples and self.voiced_end > self._start:
            # what comes next goes on where the voice ends: there is no post-roll
            self._n_after = 0
            stretch = self._close()
            self._start = self.voiced_end
            return stretch
        return None

    def _voiced_now(self) -> None:
        self.voiced_end = self._position
        self._n_after, self._fell_silent = 0, False

    def _dense(self) -> bool:
        n_voiced = sum(voiced for voiced, _ in list(self._newest)[-self._n_onset :])
        return n_voiced >= self._settings.onset_share * self._n_onset

    def _open(self) -> None:
        """Begin with the first voiced frame of the onset, and before it what is not silent of the pre-roll."""
        newest = list(self._newest)
        onset = newest[-self._n_onset :]
        self._loudest = max(power for voiced, power in onset if voiced)
        quiet = self._loudest * self._quiet_share
        first = len(newest) - len(onset) + next(k for k, (voiced, power) in enumerate(onset) if voiced and power >= quiet)
        silent = [k for k in range(first) if newest[k][1] < quiet]
        earliest_frame = self._position - (len(newest) - (silent[-1] + 1 if silent else 0)) * self._frame_samples
        first_voiced = self._position - (len(newest) - first) * self._frame_samples
        self._start = max(self._earliest, earliest_frame, first_voiced - self._pre_roll_samples)
        self._voiced_now()

    def _close(self) -> Stretch | None:
        """The stretch that was open; None when a cut had opened it and nothing was said since."""
        assert self._start is not None
        end = self.voiced_end + min(self._n_after, self._n_post_roll) * self._frame_samples
        stretch = Stretch(self._start, end, self._position) if self.voiced_end > self._start else None
        # sound that was judged once is never judged again
        self._earliest = end
        self._start = None
        for k, (_, power) in enumerate(self._newest):
            self._newest[k] = (False, power)
        return stretch
