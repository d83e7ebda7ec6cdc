"""Version 1 stays readable for ever: what was sent first is valid today, what is sent today is by the first schemas."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Iterator

import pytest

from tests.daemon.contract import FIRST, Body, faults, first_schema, outdated, schema

KINDS = sorted(path.stem for path in (FIRST / "schemas").glob("*.json"))


def first_samples(kind: str) -> list[Body]:
    return [json.loads(line) for line in (FIRST / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_nothing_of_the_first_version_was_edited() -> None:
    listed = {}
    for line in (FIRST / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        listed[name] = digest
    there = {str(path.relative_to(FIRST)) for pattern in ("*.jsonl", "schemas/*.json") for path in FIRST.glob(pattern)}
    assert there == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((FIRST / name).read_bytes()).hexdigest() == digest, name


def test_all_kinds_of_the_first_day_are_there() -> None:
    assert KINDS == ["availability", "episode", "health", "power", "state", "utterance"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sent_first_is_valid_today(kind: str) -> None:
    samples = first_samples(kind)
    assert len(samples) >= 2
    for body in samples:
        assert faults(kind, body) == []
        assert outdated(kind, body) == []


def promised(node: Body, way: str = "") -> Iterator[tuple[str, Body]]:
    """Every place of a schema that says something of a value, by its way."""
    yield way, node
    for name, inner in node.get("properties", {}).items():
        yield from promised(inner, f"{way}/{name}")
    if isinstance(node.get("additionalProperties"), dict):
        yield from promised(node["additionalProperties"], f"{way}/*")


UNCHANGED = ("type", "const", "pattern", "minimum", "maximum", "minLength", "minProperties", "additionalProperties")


def broken(first: Body, today: Body) -> list[str]:
    """Promises of the first schema that today's does not keep."""
    now = dict(promised(today))
    found = []
    for way, then in promised(first):
        if way not in now:
            found.append(f"{way} has vanished")
            continue
        for word in UNCHANGED:
            # what is said of all other fields is looked at by its own way
            if not isinstance(then.get(word), dict) and then.get(word) != now[way].get(word):
                found.append(f"{way}: another {word}")
        if set(then.get("required", [])) != set(now[way].get("required", [])):
            found.append(f"{way}: other fields are required")
        if then.get("enum") != now[way].get("enum"):
            found.append(f"{way}: other values")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_has_vanished_or_changed(kind: str) -> None:
    assert broken(first_schema(kind), schema(kind)) == []


def without(name: str, of: Body) -> Body:
    return {key: value for key, value in of.items() if key != name}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda s: {**s, "properties": without("speaking", s["properties"])}, "/speaking has vanished"),
        (lambda s: {**s, "required": [*s["required"], "listening"]}, ": other fields are required"),
        (lambda s: {**s, "required": s["required"][1:]}, ": other fields are required"),
        (lambda s: {**s, "properties": {**s["properties"], "speaking": {"type": "string"}}}, "/speaking: another type"),
        (lambda s: {**s, "properties": {**s["properties"], "label": {"enum": ["anger"]}}}, "/label: other values"),
        (lambda s: {**s, "additionalProperties": False}, ": another additionalProperties"),
    ],
)
def test_a_broken_promise_is_found(edit: Any, said: str) -> None:
    """Else the test above could not fail."""
    assert said in broken(first_schema("state"), edit(schema("state")))
