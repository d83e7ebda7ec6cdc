"""The loop on recordings: the same bytes every time, at every speed, whatever else it serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import pytest

from daemon import analysis, assembly
from daemon.analysis import ListSink
from daemon.clock import StepClock
from daemon.demo.demo import RECORDING
from daemon.ports import Model
from daemon.settings import DecisionSettings, GateSettings, ModelSettings, Settings
from models.contract import UNCERTAIN
from tests.daemon import recordings
from tests.daemon.contract import faults
from tests.daemon.recordings import RATE_HZ
from tests.fixtures.stream_model import FILE as STREAM_MODEL

ALL = frozenset({"utterance", "episode", "state"})
EAGER = Settings(decision=DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5))
"""The model's likeliest label counts at once: episodes come and go whatever the model thinks."""


@pytest.fixture(scope="module", params=["cl-emodb", str(STREAM_MODEL)], ids=["windows", "stream"])
def model(request: pytest.FixtureRequest) -> Model:
    return assembly.open_model(request.param)


def replayed(path: Path, model: Model, speed: float | None = None, asked: Settings = EAGER) -> list[str]:
    lines: list[str] = []
    analysis.replay(path, asked, model, speed, ALL, lines.append)
    for body in map(json.loads, lines):
        assert faults(body["schema"].split("/")[1], body) == []
    return lines


def of(kind: str, lines: Sequence[str]) -> list[dict[str, Any]]:
    return [body for body in map(json.loads, lines) if body["schema"] == f"affectd/{kind}/1"]


@pytest.fixture(scope="module")
def lines(model: Model) -> list[str]:
    return replayed(RECORDING, model)


def test_the_bundled_recording_has_five_utterances_and_states_around_them(lines: list[str]) -> None:
    assert len(of("utterance", lines)) == 5
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    speaking = [body["speaking"] for body in of("state", lines)]
    assert sum(after and not before for before, after in zip(speaking, speaking[1:])) == 5
    assert speaking[-1] is False


def test_twice_is_the_same_bytes(lines: list[str], model: Model) -> None:
    assert replayed(RECORDING, model) == lines


@pytest.mark.parametrize("speed", [20.0, 1e6])
def test_a_pace_changes_nothing(tmp_path: Path, model: Model, speed: float) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.speech()[: 9 * RATE_HZ])
    assert replayed(path, model, speed) == replayed(path, model, None)


def utterances(names: Sequence[str], paths: Sequence[Path], model: Model) -> dict[str, list[Mapping[str, Any]]]:
    """Of sources that one loop serves."""
    sink = ListSink()
    sources = [assembly.open_recording(path, name, model.contract, None) for name, path in zip(names, paths)]
    pipeline, _ = assembly.assemble(EAGER, model, sources, sink, StepClock(), "b00t")
    while pipeline.step():
        pass
    for source in sources:
        source.close()
    return {name: [one.body for one in sink.messages if one.topic == f"{name}/utterance"] for name in names}


def test_two_sources_together_say_what_each_says_alone(tmp_path: Path, model: Model) -> None:
    """Windows of several seats go through the model together, which may change the last bits of a probability."""
    speech = recordings.speech()
    whole = recordings.write(tmp_path / "whole.wav", speech)
    later = recordings.write(tmp_path / "later.wav", speech[int(4.3 * RATE_HZ) : int(19.7 * RATE_HZ)])
    together = utterances(["driver", "rear"], [whole, later], model)
    alone = {**utterances(["driver"], [whole], model), **utterances(["rear"], [later], model)}
    assert len(together["driver"]) == 5
    assert len(together["rear"]) >= 3
    for name, bodies in together.items():
        assert len(bodies) == len(alone[name])
        for got, wanted in zip(bodies, alone[name]):
            assert got["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-4)
            assert got["confidence"] == pytest.approx(wanted["confidence"], abs=1e-4)
            for key in ("source", "speech", "windows", "clipped_share", "label"):
                assert got[key] == wanted[key]


def test_each_episode_has_one_id_from_new_to_end(lines: list[str]) -> None:
    phases: dict[str, list[str]] = {}
    labels: dict[str, set[str]] = {}
    for body in of("episode", lines):
        phases.setdefault(body["id"], []).append(body["phase"])
        labels.setdefault(body["id"], set()).add(body["label"])
    assert phases
    for number, (identity, told) in enumerate(phases.items(), start=1):
        assert identity == f"cabin-replay-{number}"
        assert (told[0], told[-1]) == ("new", "end")
        assert set(told[1:-1]) <= {"update"}
        assert len(labels[identity]) == 1


def test_below_the_confidence_all_is_uncertain(model: Model) -> None:
    asked = Settings(decision=DecisionSettings(min_confidence=0.9999))
    lines = replayed(RECORDING, model, asked=asked)
    assert {body["label"] for body in of("utterance", lines) + of("state", lines)} == {UNCERTAIN}
    assert of("episode", lines) == []


def test_a_talk_cut_into_utterances_ends_with_nobody_speaking(tmp_path: Path, model: Model) -> None:
    """What is cut at its end leaves silence behind, which must not count as speech for ever."""
    speech = recordings.speech()[: int(5.2 * RATE_HZ)]
    path = recordings.write(tmp_path / "a.wav", speech)
    for longest_s in (2.0, 2.2, 2.5, 2.78, 2.8):
        asked = Settings(gate=GateSettings(longest_utterance_s=longest_s))
        lines = replayed(path, model, asked=asked)
        assert of("state", lines)[-1]["speaking"] is False
        assert all(body["windows"] >= 1 for body in of("utterance", lines))


@pytest.mark.parametrize("factor", [1, 2])
def test_the_stride_is_asked_for_in_milliseconds(lines: list[str], model: Model, factor: int) -> None:
    hop_ms = model.contract.front_end.hop_ms
    asked = Settings(model=ModelSettings(stride_ms=model.contract.stride_frames * hop_ms / factor), decision=EAGER.decision)
    n_windows = [body["windows"] for body in of("utterance", replayed(RECORDING, model, asked=asked))]
    before = [body["windows"] for body in of("utterance", lines)]
    if factor == 1:
        assert n_windows == before
    else:
        assert all(more >= fewer for more, fewer in zip(n_windows, before))
        assert sum(n_windows) > 1.3 * sum(before)


def test_a_silent_source_still_tells_its_state(tmp_path: Path, model: Model) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.speech()[:1] * 0.0)
    (state,) = of("state", replayed(path, model))[-1:]
    assert (state["label"], state["speaking"], state["level_dbfs"], state["probabilities"]) == (UNCERTAIN, False, -120.0, {})
