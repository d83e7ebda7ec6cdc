"""What Home Assistant is told of the device: by its documented rules, with templates that fit what is really sent."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import jinja2.sandbox
import pytest
from jsonschema import Draft202012Validator

from daemon import analysis, assembly, serve
from daemon.delivery import cloudevents, discovery
from daemon.demo.broker import free_port
from daemon.ports import Model
from daemon.settings import BrokerSettings, DecisionSettings, NodeSettings, Settings, SourceSettings
from models.contract import UNCERTAIN
from tests.daemon import recordings
from tests.daemon.delivery.home_assistant import DEVICE, PLATFORMS
from tests.fixtures.stream_model import FILE

NODE, SOURCES = "n0de", ("driver", "rear-left")
EAGER = DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5, episode_update_s=1.0)
TOPIC = "homeassistant/device/affectd-n0de/config"

Body = Any


def asked() -> Settings:
    return Settings(node=NodeSettings(NODE), source=tuple(SourceSettings(name, recording="a.wav") for name in SOURCES))


@pytest.fixture(scope="module")
def model() -> Model:
    return assembly.open_model(str(FILE))


@pytest.fixture(scope="module")
def about(model: Model) -> Body:
    return json.loads(discovery.message(asked(), model.contract.labels)[1])


@pytest.fixture(scope="module")
def sent(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Real messages, by the end of their topic."""
    lines: list[str] = []
    kinds = frozenset({"episode", "state"})
    path = recordings.write(tmp_path_factory.mktemp("sent") / "a.wav", recordings.speech())
    analysis.replay(path, Settings(decision=EAGER), model, None, kinds, lines.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "FAREWELL_S", 0.0)
        sources = tuple(SourceSettings(name, recording=str(path)) for name in SOURCES)
        with serve.Service(Settings(broker=BrokerSettings(port=free_port()), source=sources), model) as service:
            health = json.dumps(service.health()).encode()
    bodies = [line.encode() for line in lines]
    return {
        "state": [body for body in bodies if b"/state/1" in body],
        "episode": [body for body in bodies if b"/episode/1" in body],
        "health": [health],
        "availability": [json.dumps({"status": status}).encode() for status in ("online", "offline", "stopped")],
    }


def rendered(template: str, payload: bytes) -> str:
    """As Home Assistant does it; a name that is not in the message is an error here."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    environment.filters["to_json"] = json.dumps
    return environment.from_string(template).render(value_json=json.loads(payload), value=payload.decode())


def values(entity: Body, sent: dict[str, list[bytes]], key: str = "value_template") -> list[str]:
    topic = entity["json_attributes_topic" if key.startswith("json") else "state_topic"]
    return [rendered(entity[key], payload) for payload in sent[topic.rsplit("/", 1)[-1]]]


def test_the_message_keeps_to_the_documented_fields(about: Body) -> None:
    assert [fault.message for fault in Draft202012Validator(DEVICE).iter_errors(about)] == []


@pytest.mark.parametrize("edit", [{"unit_of_measure": "%"}, {"platform": "sensors"}, {"unique_id": ""}, {"state_topic": "a/#"}])
def test_a_misspelt_field_would_be_found(about: Body, edit: Body) -> None:
    name = f"{SOURCES[0]}.confidence"
    wrong = {**about, "components": {**about["components"], name: {**about["components"][name], **edit}}}
    assert list(Draft202012Validator(DEVICE).iter_errors(wrong))


def test_each_source_has_its_entities_and_the_device_its_own(about: Body) -> None:
    of_source = {name: set() for name in SOURCES}  # type: dict[str, set[str]]
    own = set()
    for name in about["components"]:
        source, dot, entity = name.partition(".")
        if dot:
            of_source[source].add(entity)
        else:
            own.add(name)
    wanted = {"mood", "confidence", "level", "speaking", "episode", "listening", "known_utterances", "lost_samples"}
    assert of_source == dict.fromkeys(SOURCES, wanted)
    assert own == {"problem", "waiting", "latency", "refused_commands"}


def test_unique_ids_are_unique_among_all_nodes_and_sources(model: Model) -> None:
    ids: list[str] = []
    for node, sources in (("a", ("b_c", "b-c", "b")), ("a_b", ("c", "b")), ("a-b", ("c",))):
        components = discovery.description(node, sources, model.contract.labels)["components"]
        ids += [entity["unique_id"] for entity in components.values()]
    assert len(set(ids)) == len(ids)


def test_topics_are_those_of_the_contract(about: Body) -> None:
    for name, entity in about["components"].items():
        source = name.partition(".")[0]
        for key in ("state_topic", "json_attributes_topic"):
            if key in entity:
                assert entity[key] in {f"affectd/n0de/{source}/{kind}" for kind in ("state", "episode")} | {
                    "affectd/n0de/health"
                }
    assert {entity["qos"] for entity in about["components"].values()} == {1}, "what is committed is delivered to the end"
    assert about["components"]["driver.listening"]["command_topic"] == "affectd/n0de/driver/set"
    assert about["availability"][0]["topic"] == "affectd/n0de/availability"


@pytest.mark.parametrize("enveloped", [False, True])
def test_mood_and_confidence_are_those_of_the_state(model: Model, sent: dict[str, list[bytes]], enveloped: bool) -> None:
    components = discovery.description(NODE, SOURCES, model.contract.labels, enveloped)["components"]
    form = cloudevents.structured if enveloped else lambda payload: payload
    of = {kind: [form(payload) for payload in sent[kind]] for kind in ("state", "episode")}
    states = [json.loads(payload) for payload in sent["state"]]
    mood, sure = components["driver.mood"], components["driver.confidence"]
    assert values(mood, of) == [state["label"] for state in states]
    assert set(values(mood, of)) <= set(mood["options"])
    assert mood["options"] == [*model.contract.labels, UNCERTAIN]
    assert [json.loads(text) for text in values(mood, of, "json_attributes_template")] == [
        state["probabilities"] for state in states
    ]
    for text, state in zip(values(sure, of), states):
        if state["probabilities"]:
            assert float(text) == pytest.approx(100.0 * max(state["probabilities"].values()), abs=0.06)
        else:
            # the word by which Home Assistant knows that there is no value
            assert text == "None"
    assert {text == "None" for text in values(sure, of)} == {True, False}
    assert [float(text) for text in values(components["driver.level"], of)] == [state["level_dbfs"] for state in states]
    assert values(components["driver.speaking"], of) == ["ON" if state["speaking"] else "OFF" for state in states]
    assert set(values(components["driver.listening"], of)) == {"ON"}


@pytest.mark.parametrize("enveloped", [False, True])
def test_an_episode_is_an_event_with_its_phase_as_type(model: Model, sent: dict[str, list[bytes]], enveloped: bool) -> None:
    entity = discovery.description(NODE, SOURCES, model.contract.labels, enveloped)["components"]["driver.episode"]
    form = cloudevents.structured if enveloped else lambda payload: payload
    told = [json.loads(text) for text in values(entity, {"episode": [form(payload) for payload in sent["episode"]]})]
    for event, payload in zip(told, sent["episode"]):
        body = json.loads(payload)
        assert event == {
            "event_type": body["phase"],
            **{name: body[name] for name in ("id", "label", "duration_s", "probabilities", "at")},
        }
    assert {event["event_type"] for event in told} == set(entity["event_types"])


def test_the_switch_asks_what_the_service_understands(about: Body) -> None:
    from daemon.commands import wanted

    switch = about["components"]["driver.listening"]
    assert wanted(switch["payload_on"].encode()) is True
    assert wanted(switch["payload_off"].encode()) is False
    off = {"state": [b'{"listening": false}', b"{}"]}
    assert values(switch, off) == [switch["state_off"], switch["state_on"]], "a state of the first version listens"


def test_only_online_is_available(about: Body, sent: dict[str, list[bytes]]) -> None:
    template = about["availability"][0]["value_template"]
    assert [rendered(template, payload) for payload in sent["availability"]] == ["online", "offline", "offline"]


def test_diagnostics_are_numbers_of_a_real_health(about: Body, sent: dict[str, list[bytes]]) -> None:
    components = about["components"]
    diagnostics = {name: one for name, one in components.items() if one.get("entity_category") == "diagnostic"}
    numbers = {name: values(one, sent) for name, one in diagnostics.items() if one["platform"] == "sensor"}
    assert len(numbers) == 3 + 2 * len(SOURCES)
    # nothing was said yet, so no latency is known
    assert numbers.pop("latency") == ["None"]
    assert {text for texts in numbers.values() for text in texts} == {"0"}
    later = {"health": [sent["health"][0].replace(b'"utterance": {"count": 0}', b'"utterance": {"count": 1, "p99": 3.5}')]}
    assert values(components["latency"], later) == ["3.5"]


@pytest.mark.parametrize(
    ("outbox", "value"),
    [
        ({}, "OFF"),
        ({"trouble": None, "dropped": 0, "put_aside": 0}, "OFF"),
        ({"trouble": "the disk is full"}, "ON"),
        ({"dropped": 1}, "ON"),
        ({"put_aside": 2}, "ON"),
    ],
)
def test_what_is_lost_or_may_be_is_a_problem(about: Body, outbox: Body, value: str) -> None:
    problem = about["components"]["problem"]
    payload = json.dumps({"outbox": outbox}).encode()
    assert rendered(problem["value_template"], payload) == value
    assert json.loads(rendered(problem["json_attributes_template"], payload)) == outbox


def test_every_template_names_only_what_is_sent(about: Body, sent: dict[str, list[bytes]]) -> None:
    for entity in about["components"].values():
        for key in ("value_template", "json_attributes_template"):
            if key in entity:
                assert all(re.search(r"\S", text) for text in values(entity, sent, key))


def test_home_assistants_own_rules(about: Body, sent: dict[str, list[bytes]], tmp_path: Path) -> None:
    """With the package itself, where it is installed; it wants a newer Python than we do."""
    core = pytest.importorskip("homeassistant.core")
    mqtt = "homeassistant.components.mqtt"
    device_schema = pytest.importorskip(f"{mqtt}.schemas").DEVICE_DISCOVERY_SCHEMA
    schemas = {name: pytest.importorskip(f"{mqtt}.{name}").DISCOVERY_SCHEMA for name in PLATFORMS}
    frame = pytest.importorskip("homeassistant.helpers.frame")

    async def check() -> None:
        home = core.HomeAssistant(str(tmp_path))
        frame.async_setup(home)
        device = device_schema(about)
        shared = {name: about[name] for name in ("availability", "device", "origin")}
        for name, entity in about["components"].items():
            own = {key: value for key, value in entity.items() if key != "platform"}
            checked = schemas[entity["platform"]]({**own, **shared})
            # what it does not know it takes away
            assert set(own) - set(checked) == set(), name
            for payload in sent[entity["state_topic"].rsplit("/", 1)[-1]]:
                theirs = checked["value_template"].async_render_with_possible_json_value(payload.decode())
                ours = rendered(entity["value_template"], payload)
                assert theirs == ours or json.loads(theirs) == json.loads(ours)
        assert set(device["components"]) == set(about["components"])
        await home.async_stop(force=True)

    asyncio.run(check())
