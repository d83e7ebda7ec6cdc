"""A stream model on the live path says what it says of each utterance as a whole, however the sound came."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Iterator, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon import assembly
from daemon.analysis import ListSink
from daemon.capture.recording import Recording
from daemon.clock import StepClock
from daemon.demo.demo import RECORDING
from daemon.events import Block
from daemon.ports import AudioSource, Model, Utterance
from daemon.settings import GateSettings, ModelSettings, Settings
from dsp import framing
from dsp.offline import feature_frames
from models.adaptation import Heard
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ
from tests.fixtures.stream_model import FILE

AS_IT_COMES = Settings()
BLOCK_SAMPLES = 320
CLOSE = 1e-5
"""float32 sums in another order."""
ROUNDED = 5e-5
"""As a message carries a probability."""

Answers = NDArray[np.float64]


class Noting:
    """The small model, which also notes its answers."""

    def __init__(self) -> None:
        self._model: Model = _opened()
        self.contract, self.sha256, self.identity = self._model.contract, self._model.sha256, self._model.identity
        self.answers: list[Answers] = []

    def begin(self, heard: Heard | None = None) -> Utterance:
        return self._model.begin(heard)

    def answer(self, pieces: Sequence[Any]) -> Answers:
        answers = self._model.answer(pieces)
        self.answers += list(answers)
        return answers


class Holed:
    """A source that loses some blocks on the way."""

    def __init__(self, inner: AudioSource, lost: range) -> None:
        self.name = inner.name
        self._inner = inner
        self._blocks = self._those_left(lost)

    def _those_left(self, lost: range) -> Iterator[Block]:
        number = 0
        while not self._inner.ended:
            block = self._inner.read()
            if block is not None and number not in lost:
                yield block
            number += 1

    def read(self) -> Block | None:
        return next(self._blocks, None)

    @property
    def ended(self) -> bool:
        return self._inner.ended

    def close(self) -> None:
        self._inner.close()


@lru_cache(maxsize=None)
def _opened() -> Model:
    return assembly.open_model(str(FILE))


def bundled(block_samples: int = BLOCK_SAMPLES) -> Recording:
    return Recording(RECORDING, "driver", RATE_HZ, block_samples)


def said(source: AudioSource, settings: Settings = AS_IT_COMES) -> tuple[list[Mapping[str, Any]], list[Answers]]:
    """The utterances of a source, and all answers of the model."""
    model, sink = Noting(), ListSink()
    pipeline, _ = assembly.assemble(settings, model, [source], sink, StepClock(), "b")
    while pipeline.step():
        pass
    source.close()
    return [message.body for message in sink.messages if message.topic == "driver/utterance"], model.answers


def as_a_whole(body: Mapping[str, Any], of: slice = slice(None)) -> Answers:
    """(n_labels,): one answer of all frames that lie within the utterance. Frames are counted from where `of` begins."""
    model = _opened()
    params = model.contract.front_end
    frames = feature_frames(recordings.speech()[of], params)
    base = of.start or 0
    start, end = (round(body["speech"][name] * RATE_HZ) - base for name in ("start_s", "end_s"))
    first = -(-start // params.hop_samples)
    within = frames[first : framing.n_frames(end, params)]
    return np.asarray(model.answer([model.begin().push(within)])[0])


def last_of_each(bodies: Sequence[Mapping[str, Any]], answers: Sequence[Answers]) -> list[Answers]:
    ends = np.cumsum([body["windows"] for body in bodies])
    assert ends[-1] == len(answers)
    return [answers[end - 1] for end in ends]


def require_whole(body: Mapping[str, Any], last: Answers, of: slice = slice(None)) -> None:
    """What is said of the utterance is the model's last answer, and that is the one of the whole."""
    wanted = as_a_whole(body, of)
    np.testing.assert_allclose(last, wanted, rtol=0, atol=CLOSE)
    assert list(body["probabilities"]) == list(_opened().contract.labels)
    np.testing.assert_allclose(list(body["probabilities"].values()), wanted, rtol=0, atol=ROUNDED + CLOSE)
    assert body["confidence"] == max(body["probabilities"].values())


@pytest.mark.parametrize("stride_ms", [0.0, 16.0, 80.0, 512.0])
def test_what_is_said_live_is_said_of_the_whole(stride_ms: float) -> None:
    """Also where a stride is no multiple of the model's steps."""
    bodies, answers = said(bundled(), Settings(model=ModelSettings(stride_ms=stride_ms)))
    assert len(bodies) == 5
    for body, last in zip(bodies, last_of_each(bodies, answers)):
        require_whole(body, last)


def test_the_answers_come_at_each_stride_and_at_the_end() -> None:
    bodies, _ = said(bundled())
    params = _opened().contract.front_end
    for body in bodies:
        n_frames = framing.n_frames(round(body["speech"]["duration_s"] * RATE_HZ), params)
        # a stretch may begin between two frames
        assert body["windows"] in {-(-n // _opened().contract.stride_frames) for n in (n_frames, n_frames - 1)}


@pytest.mark.parametrize("block_samples", [100, 777, 16000])
def test_blocks_of_any_size_bring_the_same(block_samples: int) -> None:
    """To the last bit; but for when the loop could know."""
    once, its_answers = said(bundled())
    again, answers = said(bundled(block_samples))
    np.testing.assert_array_equal(answers, its_answers)
    for name in ("label", "confidence", "probabilities", "speech", "windows", "clipped_share"):
        assert [body[name] for body in again] == [body[name] for body in once]


def test_lost_sound_ends_an_utterance_and_another_begins() -> None:
    """The first sentence lasts from 0.74 to 3.52 s; 1.6 to 1.8 s of it are lost."""
    lost = range(80, 90)
    bodies, answers = said(Holed(bundled(), lost))
    assert len(bodies) == 6
    before, after, third, *_ = zip(bodies, last_of_each(bodies, answers))
    hole_ends = lost.stop * BLOCK_SAMPLES
    assert before[0]["speech"]["end_s"] == lost.start * BLOCK_SAMPLES / RATE_HZ
    assert after[0]["speech"]["start_s"] >= hole_ends / RATE_HZ
    require_whole(*before)
    # the front end begins anew after a hole, too
    for body, last in (after, third):
        require_whole(body, last, of=slice(hole_ends, None))


def test_a_long_talk_is_cut_and_each_part_begins_anew() -> None:
    bodies, answers = said(bundled(16000), Settings(gate=GateSettings(longest_utterance_s=2.0)))
    assert len(bodies) > 5
    for body, last in zip(bodies, last_of_each(bodies, answers)):
        require_whole(body, last)
