"""The schemas describe what is really sent, and nothing less."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path
from typing import Iterator

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from daemon import analysis, assembly, serve
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from daemon.events import Message
from daemon.ports import Model
from daemon.settings import BrokerSettings, DecisionSettings, NodeSettings, OutboxSettings, Settings, SourceSettings
from models import registry
from models.contract import LABELS, UNCERTAIN
from tests.daemon import recordings
from tests.daemon.contract import KINDS, Body, faults, outdated, schema
from tests.daemon.wire import Watcher, Wire

ROOT = Path(__file__).parents[2]
SENT = tuple(kind for kind in KINDS if kind not in ("gap", "power"))
"""Kinds of which the runs below send some; gaps are tested where the outbox is, and power where the power logger is."""
EAGER = DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5, episode_update_s=1.0)


@pytest.fixture(scope="module")
def model() -> Model:
    return assembly.open_model(registry.DEFAULT)


@pytest.fixture(scope="module")
def replayed(model: Model) -> list[Body]:
    """All kinds that a seat sends."""
    lines: list[str] = []
    kinds = frozenset({"utterance", "episode", "state"})
    analysis.replay(RECORDING, Settings(decision=EAGER), model, None, kinds, lines.append)
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def live(model: Model, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Body]]:
    """Topic and body of everything that a subscriber gets from a short run whose connection is cut in between."""
    path = recordings.write(tmp_path_factory.mktemp("live") / "a.wav", recordings.speech()[: 5 * recordings.RATE_HZ])
    with pytest.MonkeyPatch.context() as patch, PrivateBroker() as broker, Wire(broker.port) as wire:
        patch.setattr(serve, "HEALTH_EVERY_S", 0.1)
        settings = Settings(
            node=NodeSettings("n0de"),
            broker=BrokerSettings(port=wire.port),
            source=(SourceSettings("driver", recording=str(path)),),
        )
        with Watcher(broker.port) as watcher:
            with serve.Service(settings, model) as service:
                wire.mend()
                running = threading.Thread(target=service.run, args=(threading.Event(),))
                running.start()
                watcher.await_that(lambda: bool(watcher.of("health")))
                service.commands.received("affectd/n0de/driver/set", b"off")
                watcher.await_that(lambda: "refused_command" in watcher.of("health")[-1].body)
                wire.cut()
                watcher.await_that(lambda: "offline" in watcher.statuses())
                wire.mend()
                watcher.await_that(lambda: watcher.statuses()[-1:] == ["online"])
                running.join()
            watcher.await_that(lambda: watcher.statuses()[-1:] == ["stopped"])
        return [(one.topic, one.body) for one in watcher.received]


@pytest.fixture(scope="module")
def samples(replayed: list[Body], live: list[tuple[str, Body]]) -> dict[str, list[Body]]:
    """What was sent, by kind."""
    everything = replayed + [body for _, body in live]
    return {kind: [body for body in everything if body["schema"] == f"affectd/{kind}/1"] for kind in SENT}


def test_the_schemas_are_package_data() -> None:
    found = {path.name for path in (ROOT / "daemon" / "delivery" / "schemas").iterdir()}
    assert found == {f"{kind}.json" for kind in KINDS}
    project = (ROOT / "pyproject.toml").read_text()
    assert '"delivery/schemas/*.json"' in project


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_for_old_validators_too(kind: str) -> None:
    own = schema(kind)
    Draft202012Validator.check_schema(own)
    Draft7Validator.check_schema({**own, "$schema": "http://json-schema.org/draft-07/schema#"})
    assert own["$id"] == f"affectd/{kind}/1"
    assert own["properties"]["schema"]["const"] == own["$id"]


def fields(node: Body, name: str = "") -> Iterator[tuple[str, Body]]:
    """Every field that a schema describes, however deep."""
    for inner, about in node.get("properties", {}).items():
        yield f"{name}/{inner}", about
        yield from fields(about, f"{name}/{inner}")
    if isinstance(node.get("additionalProperties"), dict):
        yield f"{name}/*", node["additionalProperties"]
        yield from fields(node["additionalProperties"], f"{name}/*")


UNITS = {
    "_s": "seconds",
    "_ms": "milliseconds",
    "_dbfs": "dB",
    "_share": "0 to 1",
    "_samples": "Samples",
    "_w": "watts",
    "_c": "degrees Celsius",
    "_mhz": "megahertz",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_with_its_unit(kind: str) -> None:
    for name, about in fields(schema(kind)):
        assert about.get("description"), name
        for suffix, unit in UNITS.items():
            if name.endswith(suffix):
                assert unit in about["description"], name
        if "latency_ms/" in name and about.get("type") == "number":
            assert "milliseconds" in about["description"], name


@pytest.mark.parametrize("kind", ["utterance", "episode", "state"])
def test_labels_are_those_that_a_model_may_have(kind: str) -> None:
    labels = schema(kind)["properties"]["label"]["enum"]
    assert set(labels) == set(LABELS) | (set() if kind == "episode" else {UNCERTAIN})
    assert schema(kind)["properties"]["probabilities"]["propertyNames"]["enum"] == list(LABELS)


@pytest.mark.parametrize("kind", SENT)
def test_what_is_sent_is_as_described(samples: dict[str, list[Body]], kind: str) -> None:
    assert samples[kind]
    for body in samples[kind]:
        assert faults(kind, body) == []
        assert outdated(kind, body) == []


def test_the_samples_are_of_every_sort(samples: dict[str, list[Body]]) -> None:
    assert {body["phase"] for body in samples["episode"]} == {"new", "update", "end"}
    assert {body["status"] for body in samples["availability"]} == {"online", "offline", "stopped"}
    assert {body["speaking"] for body in samples["state"]} == {True, False}
    assert samples["utterance"][-1]["node"] == "n0de"


@pytest.mark.parametrize("kind", SENT)
def test_everything_that_is_sent_is_described(samples: dict[str, list[Body]], kind: str) -> None:
    described, required = set(schema(kind)["properties"]), set(schema(kind)["required"])
    assert all(required <= set(body) <= described for body in samples[kind])
    assert {name for body in samples[kind] for name in body} == described


def test_a_gap_record_is_as_described() -> None:
    outbox = Outbox(None, "b00t", OutboxSettings(), "n0de", lambda: "2024-05-17T08:00:00.000Z")
    for number in range(4):
        outbox.commit(Message("driver/state", {"schema": "affectd/state/1", "node": "n0de", "source": "driver", "n": number}))
    outbox.put_aside(2, "Not authorized")
    outbox.put_aside(4, "Packet too large")
    outbox.name_gaps()
    (gap,) = [letter for letter in outbox.after(0, 10) if letter.topic == "gap"]
    outbox.close()
    body = json.loads(gap.payload)
    assert faults("gap", body) == []
    assert list(not_described(body, schema("gap"))) == []
    assert [(one["first_seq"], one["last_seq"]) for one in body["gaps"]] == [(2, 2), (4, 4)]
    for wrong in ([], [{"first_seq": 1, "last_seq": 2}], [{"first_seq": 0, "last_seq": 2, "reason": "full"}]):
        assert faults("gap", {**body, "gaps": wrong})


def not_described(body: Body, about: Body, way: str = "") -> Iterator[str]:
    """Ways to fields of a body, however deep, of which its schema says nothing."""
    if isinstance(body, list):
        for one in body:
            yield from not_described(one, about["items"], f"{way}/*")
    elif isinstance(body, dict):
        others = about.get("additionalProperties")
        for name, inner in body.items():
            if name in about.get("properties", {}):
                yield from not_described(inner, about["properties"][name], f"{way}/{name}")
            elif isinstance(others, dict):
                yield from not_described(inner, others, f"{way}/*")
            else:
                yield f"{way}/{name}"


@pytest.mark.parametrize("kind", SENT)
def test_nothing_that_is_sent_is_without_a_description(samples: dict[str, list[Body]], kind: str) -> None:
    assert {way for body in samples[kind] for way in not_described(body, schema(kind))} == set()
    assert list(not_described({**samples[kind][0], "new": 1}, schema(kind))) == ["/new"]


def test_the_topic_tells_node_source_and_kind(live: list[tuple[str, Body]]) -> None:
    for topic, body in live:
        kind = body["schema"].split("/")[1]
        seat = f"/{body['source']}" if "source" in body else ""
        assert topic == f"affectd/{body['node']}{seat}/{kind}"


@pytest.mark.parametrize("kind", SENT)
def test_a_message_without_a_field_is_not_one(samples: dict[str, list[Body]], kind: str) -> None:
    whole = samples[kind][-1]
    for name in schema(kind)["required"]:
        assert faults(kind, {key: value for key, value in whole.items() if key != name}), name
        assert faults(kind, {**whole, name: None}), name


WRONG: list[tuple[str, str, object]] = [
    ("utterance", "label", "glee"),
    ("utterance", "confidence", 1.01),
    ("utterance", "probabilities", {"anger": 0.5, "glee": 0.5}),
    ("utterance", "probabilities", {"anger": 0.5, "calm": -0.5}),
    ("utterance", "windows", 0),
    ("utterance", "seq", 0),
    ("utterance", "speech", {"start_s": 1.0, "end_s": 2.0}),
    ("utterance", "latency_ms", {"total": 3.0}),
    ("utterance", "model", {"name": "cl-emodb", "sha256": "abc"}),
    ("utterance", "at", "2024-05-17 08:00:00"),
    ("utterance", "schema", "affectd/utterance/2"),
    ("episode", "phase", "over"),
    ("episode", "label", UNCERTAIN),
    ("state", "speaking", "no"),
    ("state", "level_dbfs", 0.1),
    ("availability", "status", "away"),
    ("health", "sources", {"driver": {"heard_s": 1.0}}),
    ("health", "outbox", {"waiting": 0, "dropped": 0, "refused": 0.5}),
    ("health", "inference", {"provider": "rocm"}),
    ("health", "inference", {"provider": "cuda", "trial_ms": 0.3, "refused": {"cpu": ""}}),
]


@pytest.mark.parametrize(("kind", "name", "value"), WRONG)
def test_a_message_with_a_wrong_value_is_not_one(samples: dict[str, list[Body]], kind: str, name: str, value: object) -> None:
    body = copy.deepcopy(samples[kind][-1])
    assert faults(kind, {**body, "added_later": True}) == []
    assert faults(kind, {**body, name: value})
