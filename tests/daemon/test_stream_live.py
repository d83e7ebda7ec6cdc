"""A stream model on the live path says what it says of each utterance as a whole, however the sound came."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon import analysis, assembly
from daemon.analysis import ListSink
from daemon.capture.recording import Recording
from daemon.clock import StepClock
from daemon.decision import CLIPPED_SHARE
from daemon.demo.demo import RECORDING
from daemon.events import Block
from daemon.ports import AudioSource, Model, Utterance
from daemon.seat import Seat
from daemon.settings import GateSettings, ModelSettings, SeatSettings, Settings
from dsp import framing
from dsp.offline import feature_frames
from dsp.params import LOG_MEL
from dsp.running_functionals import utterance_functionals
from models.adaptation import Heard
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ
from tests.daemon.sources import DevicelessSource
from tests.fixtures.stream_model import FILE

ALONE = SeatSettings(adapt=False)
EACH_ALONE = Settings(seat=ALONE)
BLOCK_SAMPLES = 320
CLOSE = 1e-5
"""float32 sums in another order."""
ROUNDED = 5e-5
"""As a message carries a probability."""

Answers = NDArray[np.float64]


class Noting:
    """The small model, which also notes its answers, and what it is told of who speaks."""

    def __init__(self) -> None:
        self._model: Model = _opened()
        self.contract, self.sha256, self.identity = self._model.contract, self._model.sha256, self._model.identity
        self.inference = self._model.inference
        self.answers: list[Answers] = []
        self.knew: list[Heard | None] = []

    def begin(self, heard: Heard | None = None) -> Utterance:
        self.knew.append(heard)
        return self._model.begin(heard)

    def answer(self, pieces: Sequence[Any]) -> Answers:
        answers = self._model.answer(pieces)
        self.answers += list(answers)
        return answers


class Holed(DevicelessSource):
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


def said(source: AudioSource, settings: Settings = EACH_ALONE) -> tuple[list[Mapping[str, Any]], list[Answers]]:
    """The utterances of a source, and all answers of the model."""
    bodies, model, _ = live(source, settings)
    return bodies, model.answers


def live(source: AudioSource, settings: Settings) -> tuple[list[Mapping[str, Any]], Noting, Seat]:
    """The utterances of a source, the model as it was asked, and the seat after it all."""
    model, sink = Noting(), ListSink()
    pipeline, (seat,) = assembly.assemble(settings, model, [source], sink, StepClock(), "b")
    del model.knew[:]  # of the seat's making
    while pipeline.step():
        pass
    source.close()
    return [message.body for message in sink.messages if message.topic == "driver/utterance"], model, seat


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
    bodies, answers = said(bundled(), Settings(model=ModelSettings(stride_ms=stride_ms), seat=ALONE))
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
    bodies, answers = said(bundled(16000), Settings(gate=GateSettings(longest_utterance_s=2.0), seat=ALONE))
    assert len(bodies) > 5
    for body, last in zip(bodies, last_of_each(bodies, answers)):
        require_whole(body, last)


def frames_of(body: Mapping[str, Any]) -> NDArray[np.float32]:
    """All frames that lie within an utterance of the bundled recording."""
    params = _opened().contract.front_end
    start, end = (round(body["speech"][name] * RATE_HZ) for name in ("start_s", "end_s"))
    return feature_frames(recordings.speech(), params)[-(-start // params.hop_samples) : framing.n_frames(end, params)]


def test_an_utterance_is_judged_with_what_those_before_taught() -> None:
    bodies, model, seat = live(bundled(), Settings())
    alone, _ = said(bundled())
    assert [body["speech"] for body in bodies] == [body["speech"] for body in alone]
    assert bodies[0]["probabilities"] == alone[0]["probabilities"]
    for body, other in zip(bodies[1:], alone[1:]):
        assert body["probabilities"] != other["probabilities"]
    assert [heard.n_utterances if heard else 0 for heard in model.knew] == [0, 1, 2, 3, 4]
    assert seat.n_known == 5
    said_first, log_mel = frames_of(bodies[0]), _opened().contract.front_end.columns(LOG_MEL)
    knew = model.knew[1]
    assert knew is not None
    assert knew.n_frames == len(said_first)
    np.testing.assert_allclose(knew.log_mel, said_first[:, log_mel].mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(knew.functionals, utterance_functionals(said_first, _opened().contract.front_end))
    second = _opened().begin(knew)
    wanted = _opened().answer([second.push(frames_of(bodies[1]))])[0]
    np.testing.assert_allclose(list(bodies[1]["probabilities"].values()), wanted, rtol=0, atol=ROUNDED + CLOSE)


def test_what_is_known_is_the_same_each_time_and_for_any_blocks() -> None:
    _, once, _ = live(bundled(), Settings())
    for block_samples in (BLOCK_SAMPLES, 777, 16000):
        _, again, _ = live(bundled(block_samples), Settings())
        np.testing.assert_array_equal(again.answers, once.answers)


def test_without_adapting_nothing_is_ever_known() -> None:
    _, model, seat = live(bundled(), EACH_ALONE)
    assert model.knew == [None] * 5
    assert (seat.n_known, seat.acquaintance) == (0, None)


def test_lost_sound_is_no_reason_to_forget() -> None:
    """Within the first sentence, and in the pause after the second."""
    for lost in (range(80, 90), range(470, 500)):
        bodies, model, seat = live(Holed(bundled(), lost), Settings())
        known = [heard.n_utterances if heard else 0 for heard in model.knew]
        # what is left of a sentence may be too short to teach anything
        assert known == sorted(known)
        assert seat.n_known >= 5
        assert len(bodies) >= 5
        assert seat.lost_samples == len(lost) * BLOCK_SAMPLES


def test_a_long_silence_is_a_reason() -> None:
    """The pauses of the recording are of 1 s and more: each makes the seat forget, but goes on speaking none."""
    _, model, seat = live(bundled(), Settings(seat=SeatSettings(forget_after_s=1.0)))
    assert model.knew == [None] * 5
    assert seat.n_known <= 1
    _, model, seat = live(bundled(), Settings(seat=SeatSettings(forget_after_s=20.0)))
    assert seat.n_known == 5


def test_what_is_clipped_teaches_nothing(tmp_path: Path) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.shouted())
    bodies, model, seat = live(Recording(path, "driver", RATE_HZ, BLOCK_SAMPLES), Settings())
    assert min(body["clipped_share"] for body in bodies) > CLIPPED_SHARE
    assert model.knew == [None] * len(bodies)
    assert seat.n_known == 0


def test_seats_do_not_hear_each_other() -> None:
    model, sink = Noting(), ListSink()
    second = Recording(RECORDING, "rear", RATE_HZ, BLOCK_SAMPLES)
    pipeline, seats = assembly.assemble(Settings(), model, [bundled(), second], sink, StepClock(), "b")
    while pipeline.step():
        pass
    of_each = [
        [message.body["probabilities"] for message in sink.messages if message.topic == f"{name}/utterance"]
        for name in ("driver", "rear")
    ]
    bodies, *_ = live(bundled(), Settings())
    assert of_each == [[body["probabilities"] for body in bodies]] * 2
    assert [seat.n_known for seat in seats] == [5, 5]


def test_a_model_of_windows_is_not_affected() -> None:
    model, lines = assembly.open_model("cl-emodb"), []
    for settings in (Settings(), EACH_ALONE):
        told: list[str] = []
        analysis.replay(RECORDING, settings, model, None, frozenset({"utterance", "episode", "state"}), told.append)
        lines.append(told)
    assert lines[0] == lines[1]
    assert len(lines[0]) > 5
