"""The contract, for tests: each message of ours that one sees is held against its schema."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

if sys.version_info >= (3, 9):
    from importlib.resources import files
else:
    from importlib_resources import files

KINDS = ("utterance", "episode", "state", "availability", "health", "gap", "power")
FIRST = Path(__file__).parents[1] / "contract_v1"
STAND_IN = "number"
"""A key of the bodies that tests of the delivery send in place of messages: only their way is looked at."""

Body = Any


@lru_cache(maxsize=None)
def schema(kind: str) -> Body:
    return json.loads((files("daemon.delivery") / "schemas" / f"{kind}.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=None)
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema(kind))


def faults(kind: str, body: Body) -> list[str]:
    return [fault.message for fault in _validator(kind).iter_errors(body)]


@lru_cache(maxsize=None)
def first_schema(kind: str) -> Body:
    """Of the day when version 1 was first sent."""
    return json.loads((FIRST / "schemas" / f"{kind}.json").read_text(encoding="utf-8"))


def outdated(kind: str, body: Body) -> list[str]:
    """What a subscriber of that day would find wrong."""
    return [fault.message for fault in Draft202012Validator(first_schema(kind)).iter_errors(body)]


def wrong(topic: str, payload: bytes) -> list[str]:
    """What is wrong with a message on a topic below affectd/ that came from the service; nothing for a stand-in."""
    if not topic.startswith("affectd/") or topic.endswith("/set"):
        return []
    body = json.loads(payload)
    if "specversion" in body:
        body = body["data"]
    if STAND_IN in body:
        return []
    kind = topic.rsplit("/", 1)[-1]
    seat = f"/{body['source']}" if "source" in body else ""
    found = faults(kind, body) if kind in KINDS else [f"no such kind: {kind}"]
    if topic != f"affectd/{body.get('node')}{seat}/{kind}":
        found.append("its node, source and kind are not those of its topic")
    return [f"{topic}: {fault}" for fault in found]
