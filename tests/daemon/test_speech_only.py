"""What is no speech says nothing, teaches nothing and moves no mood; speech is told as if nothing had been asked."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon import assembly
from daemon.analysis import ListSink
from daemon.capture.recording import Recording
from daemon.clock import StepClock
from daemon.listener import Closed, Heard, Listener, Opened
from daemon.ports import Model
from daemon.seat import Seat
from daemon.settings import GateSettings, Settings
from models.contract import STREAM
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ, tune
from tests.daemon.streams import blocks
from tests.fixtures.stream_model import FILE

Float = NDArray[np.float32]
ANYTHING = Settings(gate=GateSettings(speech_only=False))


@lru_cache(maxsize=None)
def opened() -> Model:
    return assembly.open_model(str(FILE))


def pause() -> Float:
    return np.zeros(2 * RATE_HZ, np.float32)


def live(samples: Float, folder: Path, settings: Settings = Settings()) -> tuple[list[tuple[str, Any]], Seat]:  # noqa: B008
    """Kind and body of all messages, and the seat after it all."""
    sink = ListSink()
    with Recording(recordings.write(folder / "a.wav", samples), "driver", RATE_HZ, 320) as source:
        pipeline, (seat,) = assembly.assemble(settings, opened(), [source], sink, StepClock(), "b")
        while pipeline.step():
            pass
    return [(message.topic.split("/")[-1], message.body) for message in sink.messages], seat


def of_kind(kind: str, messages: list[tuple[str, Any]]) -> list[Any]:
    return [body for its, body in messages if its == kind]


def test_a_tune_says_nothing_and_teaches_nothing(tmp_path: Path) -> None:
    messages, seat = live(tune(6.0), tmp_path)
    assert {kind for kind, _ in messages} == {"state"}
    assert not any(body["speaking"] or body["probabilities"] for _, body in messages)
    assert (seat.n_utterances, seat.n_known) == (0, 0)


def test_one_line_switches_it_off(tmp_path: Path) -> None:
    messages, seat = live(tune(6.0), tmp_path, ANYTHING)
    assert len(of_kind("utterance", messages)) == seat.n_utterances >= 1
    assert any(body["speaking"] for body in of_kind("state", messages))


def test_speech_among_tunes_is_told_and_nothing_else_is(tmp_path: Path) -> None:
    before = np.concatenate([tune(6.0), pause()])
    messages, seat = live(np.concatenate([before, recordings.speech(), pause(), tune(6.0)]), tmp_path)
    alone, _ = live(recordings.speech(), tmp_path)
    told, wanted = of_kind("utterance", messages), of_kind("utterance", alone)
    assert len(told) == len(wanted) == seat.n_known == 5
    offset_s = len(before) / RATE_HZ
    # where a sentence begins and ends depends a little on what the detector heard before
    assert [body["speech"]["end_s"] - offset_s for body in told] == pytest.approx(
        [body["speech"]["end_s"] for body in wanted], abs=0.5
    )
    # each begins once and ends, however long it was held back
    speaking = [body["speaking"] for body in of_kind("state", messages)]
    assert sum(now and not was for was, now in zip([False, *speaking], speaking)) == 5
    assert speaking[-1] is False


def ear(settings: Settings) -> Listener:
    return assembly.listener(settings, opened().contract)


def heard(listener: Listener, samples: Float, cuts: tuple[int, ...]) -> Iterator[Heard]:
    pcm = np.rint(samples.clip(-1.0, 1.0) * 32767.0).astype(np.int16)
    for block in blocks(pcm, cuts):
        yield from listener.push(block)
    yield from listener.finish()


def told(listener: Listener, samples: Float, cuts: tuple[int, ...] = (320,)) -> list[Any]:
    """What can be compared."""
    return [
        one if isinstance(one, (Opened, Closed)) else (one.end_sample, one.values.tobytes())
        for one in heard(listener, samples, cuts)
    ]


def test_of_speech_nothing_is_lost_by_holding_it_back() -> None:
    assert told(ear(Settings()), recordings.speech()) == told(ear(ANYTHING), recordings.speech())


def test_of_speech_and_tunes_the_speech_is_left_however_it_is_cut() -> None:
    samples = np.concatenate([tune(6.0), pause(), recordings.speech()[: 8 * RATE_HZ], pause(), tune(2.0)])
    everything, speech = told(ear(ANYTHING), samples), told(ear(Settings()), samples)
    opened_at = [k for k, one in enumerate(everything) if isinstance(one, Opened)]
    assert speech == everything[opened_at[1] : opened_at[-1]]
    for cuts in ((100, 777), (16000,)):
        assert told(ear(Settings()), samples, cuts) == speech


def test_an_utterance_is_told_within_its_second_second() -> None:
    listener = ear(Settings())
    for block in blocks(np.rint(recordings.speech() * 32767.0).astype(np.int16)):
        first = next(iter(listener.push(block)), None)
        if first is not None:
            assert isinstance(first, Opened)
            assert RATE_HZ // 2 < block.end_sample - first.start_sample < 2 * RATE_HZ
            return
    pytest.fail("nothing was told")


def test_a_model_of_windows_is_not_asked() -> None:
    windows = assembly.open_model("cl-emodb")
    assert windows.contract.form != STREAM
    listeners = [assembly.listener(settings, windows.contract) for settings in (Settings(), ANYTHING)]
    assert told(listeners[0], tune(3.0)) == told(listeners[1], tune(3.0)) != []


def test_of_another_front_end_all_is_judged_and_the_journal_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "other.onnx"
    content = FILE.read_bytes()
    assert b'"hop_ms": 16.0' in content
    path.write_bytes(content.replace(b'"hop_ms": 16.0', b'"hop_ms": 32.0'))
    with caplog.at_level(logging.WARNING):
        other = assembly.open_model(str(path))
    assert "nothing tells speech from noise" in caplog.text
    assert told(assembly.listener(Settings(), other.contract), tune(3.0)) != []
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assembly.open_model(str(FILE))
    assert "nothing tells speech" not in caplog.text
