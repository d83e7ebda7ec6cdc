"""The form of CloudEvents 1.0: the attributes that its specification asks for, and the message as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from daemon import analysis, assembly
from daemon.delivery import cloudevents
from daemon.demo.demo import RECORDING
from daemon.settings import DecisionSettings, Settings
from tests.daemon.contract import faults
from tests.fixtures.stream_model import FILE

NAME = "^[a-z0-9]{1,20}$"
URI_REFERENCE = r"^([A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})+$"
RFC_3339 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"

ENVELOPE: Any = {
    # after the specification, "Context Attributes" and "Naming Conventions", and its JSON format, 3.1
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "pattern": URI_REFERENCE},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"const": "application/json"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "pattern": RFC_3339},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": NAME},
    "additionalProperties": {"type": ["string", "integer", "boolean"]},
}
GAP = (
    '{"schema":"affectd/gap/1","node":"n0de","boot":"b00t","seq":9,"at":"2024-05-17T08:00:00.000Z",'
    '"gaps":[{"first_seq":1,"last_seq":3,"reason":"full"}]}'
)


@pytest.fixture(scope="module")
def payloads() -> list[bytes]:
    """Real messages of all kinds that go through the outbox."""
    lines: list[str] = []
    kinds = frozenset({"utterance", "episode", "state"})
    asked = Settings(decision=DecisionSettings(min_confidence=0.001, margin=0.0, patience=1, episode_after_s=0.5))
    analysis.replay(RECORDING, asked, assembly.open_model(str(FILE)), None, kinds, lines.append)
    return [line.encode() for line in [*lines, GAP]]


def test_each_message_becomes_an_event_and_stays_what_it_was(payloads: list[bytes]) -> None:
    kinds = set()
    for payload in payloads:
        event = json.loads(cloudevents.structured(payload))
        assert [fault.message for fault in Draft202012Validator(ENVELOPE).iter_errors(event)] == []
        body = json.loads(payload)
        kind = body["schema"].split("/")[1]
        kinds.add(kind)
        assert faults(kind, event["data"]) == []
        assert event["data"] == body
        assert cloudevents.structured(payload).endswith(b',"data":' + payload + b"}")
        assert event["type"] == f"affectd.{kind}.v1"
        assert event["source"] == "/".join(["affectd", body["node"], *([body["source"]] if "source" in body else [])])
        assert event["time"] == body["at"]
    assert kinds == {"utterance", "episode", "state", "gap"}


def test_source_and_id_name_one_event_and_the_same_when_it_comes_again(payloads: list[bytes]) -> None:
    names = [(event["source"], event["id"]) for event in map(json.loads, map(cloudevents.structured, payloads))]
    assert len(set(names)) == len(names)
    again = json.loads(cloudevents.structured(payloads[0]))
    assert (again["source"], again["id"]) == names[0]
    other_boot = cloudevents.structured(payloads[0].replace(b'"boot":"replay"', b'"boot":"another"'))
    assert json.loads(other_boot)["id"] != names[0][1]


def test_a_missing_attribute_would_be_found(payloads: list[bytes]) -> None:
    event = json.loads(cloudevents.structured(payloads[0]))
    for name in ENVELOPE["required"]:
        assert list(Draft202012Validator(ENVELOPE).iter_errors({key: value for key, value in event.items() if key != name}))
