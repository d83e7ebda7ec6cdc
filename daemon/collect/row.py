"""A message as a row of the archive, or why it is none."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Mapping, Tuple

from daemon.listen.reader import NUMBERED, body_of, head_of
from daemon.settings import TOPIC_LEVEL

AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
LONGEST_BOOT = 64
LARGEST_SEQ = 2**63 - 1
LARGEST_BYTES = 256 * 1024
"""Of a message; ours have less than 2 KiB, but for a gap record."""

Key = Tuple[str, str, int]
"""node, boot and seq: what names a message for ever."""


@dataclass(frozen=True)
class Row:
    """What the archive keeps of a message."""

    node: str
    kind: str
    source: str | None
    boot: str
    seq: int
    said_at: datetime
    received_at: datetime
    label: str | None
    confidence: float | None
    duration_s: float | None
    latency_ms: float | None
    body: str
    """All of it, as JSON."""

    @property
    def key(self) -> Key:
        """Its name."""
        return self.node, self.boot, self.seq

    @property
    def day(self) -> str:
        """That of the message's own date, in UTC: a message that comes twice belongs to one day, whenever it comes."""
        return self.said_at.date().isoformat()


@dataclass(frozen=True)
class Bad:
    """What is no row."""

    topic: str
    payload: bytes
    received_at: datetime
    why: str


class _Wrong(Exception):
    """With what is wrong."""


def row_of(topic: str, payload: bytes, received_at: datetime) -> Row | Bad:
    """`topic`: with slashes. The broker's access rules guard the topic; so what the message says of itself must agree."""
    try:
        return _row(topic, payload, received_at)
    except _Wrong as wrong:
        return Bad(topic, payload, received_at, str(wrong))


def _row(topic: str, payload: bytes, received_at: datetime) -> Row:
    if len(payload) > LARGEST_BYTES:
        raise _Wrong(f"it has {len(payload)} bytes, more than {LARGEST_BYTES}")
    body = body_of(payload)
    if body is None:
        raise _Wrong("it is no JSON object")
    head = head_of(body)
    if head is None or head.kind not in NUMBERED or body.get("schema") != f"affectd/{head.kind}/1":
        raise _Wrong("it is no numbered message of affectd, version 1")
    source = body.get("source")
    levels = ["affectd", head.node, *([] if head.kind == "gap" else [source]), head.kind]
    if not all(isinstance(level, str) and TOPIC_LEVEL.fullmatch(level) for level in levels):
        raise _Wrong("its node or source is no name: want 1 to 64 letters, digits, - or _")
    if topic.split("/") != levels:
        raise _Wrong(f"it says that it is for {'/'.join(str(level) for level in levels)}")
    if not (0 < len(head.boot) <= LONGEST_BOOT and head.boot.isprintable() and head.seq <= LARGEST_SEQ):
        raise _Wrong("its boot or seq is out of range")
    return Row(
        node=head.node,
        kind=head.kind,
        source=None if head.kind == "gap" else str(source),
        boot=head.boot,
        seq=head.seq,
        said_at=_moment(body.get("at")),
        received_at=received_at,
        label=_label(body),
        confidence=_number(body, "confidence"),
        duration_s=_number(_within(body, "speech") if head.kind == "utterance" else body, "duration_s"),
        latency_ms=_number(_within(body, "latency_ms"), "total"),
        body=_text(body),
    )


def _moment(at: object) -> datetime:
    if isinstance(at, str) and AT.fullmatch(at):
        try:
            return datetime.fromisoformat(at[:-1]).replace(tzinfo=timezone.utc)
        except ValueError:
            pass
    raise _Wrong(f"its date is {str(at)[:40]!r}: want one as 2026-11-20T23:05:06.037Z")


def _label(body: Mapping[str, Any]) -> str | None:
    label = body.get("label")
    if label is None or (isinstance(label, str) and TOPIC_LEVEL.fullmatch(label)):
        return label
    raise _Wrong("its label is no word")


def _within(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name, {})
    if not isinstance(part, dict):
        raise _Wrong(f"its {name} is no object")
    return part


def _number(part: Mapping[str, Any], name: str) -> float | None:
    value = part.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise _Wrong(f"its {name} is no number")


def _text(body: Mapping[str, Any]) -> str:
    """In ASCII: half a surrogate pair is fine in JSON, and nowhere else."""
    try:
        return json.dumps(body, separators=(",", ":"))
    except RecursionError:
        raise _Wrong("it is nested too deeply") from None
