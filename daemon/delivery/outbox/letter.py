"""A letter: a message as it is published, and as it lies in the outbox's file."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any, Optional, Tuple

from daemon.events import Message

GAP_TOPIC = "gap"
"""Of letters that name what was lost: no source can be called so, as its topics go deeper."""
ROW_BYTES = 40
"""What a row takes beside its texts, about."""

Row = Tuple[int, bytes, bytes, bytes, int, Optional[int], int, int]
"""seq, boot, topic, payload, retain, expiry_s, kept_s, crc: as in the table `letters`."""


@dataclass(frozen=True)
class Letter:
    """A message as it is published."""

    seq: int
    topic: str
    """Below affectd/<node>/."""
    payload: bytes
    retain: bool
    expiry_s: int | None
    boot: str
    """Of the run of the service that committed it."""
    age_s: float = field(default=0.0, compare=False)
    """How long it has waited when it was taken out, counted while the service runs."""

    @property
    def n_bytes(self) -> int:
        """What it takes in the outbox, about."""
        return len(self.payload) + len(self.topic) + len(self.boot) + ROW_BYTES


def as_letter(message: Message, boot: str, seq: int) -> Letter:
    """The message with its number, as bytes: the same bytes for equal content. Raises ValueError for what JSON cannot say."""
    body = dict(message.body)
    head = {name: body.pop(name) for name in ("schema", "node", "source") if name in body}
    text = json.dumps({**head, "boot": boot, "seq": seq, **body}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Letter(seq, message.topic, text.encode(), message.retain, message.expiry_s, boot)


def renumbered(letter: Letter, seq: int) -> Letter:
    """The same letter under another number."""
    body = {**json.loads(letter.payload), "seq": seq}
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Letter(seq, letter.topic, payload, letter.retain, letter.expiry_s, letter.boot)


def as_row(letter: Letter, kept_s: int) -> Row:
    """`kept_s`: when it was committed, on the outbox's clock."""
    boot, topic = letter.boot.encode(), letter.topic.encode()
    retain, expiry_s = int(letter.retain), letter.expiry_s
    crc = _crc(letter.seq, boot, topic, letter.payload, retain, expiry_s, kept_s)
    return letter.seq, boot, topic, letter.payload, retain, expiry_s, kept_s, crc


def from_row(row: tuple[Any, ...], now_s: int = 0) -> Letter | None:
    """The letter, its age as of `now_s` on the outbox's clock; None for a row in which a bit has changed."""
    seq, boot, topic, payload, retain, expiry_s, kept_s, crc = row
    texts = all(isinstance(text, bytes) for text in (boot, topic, payload))
    whole = all(isinstance(number, int) for number in (seq, retain, kept_s)) and isinstance(expiry_s, (int, type(None)))
    if not (texts and whole and _crc(seq, boot, topic, payload, retain, expiry_s, kept_s) == crc):
        return None
    return Letter(seq, topic.decode(), payload, bool(retain), expiry_s, boot.decode(), float(max(0, now_s - kept_s)))


def _crc(seq: int, boot: bytes, topic: bytes, payload: bytes, retain: int, expiry_s: int | None, kept_s: int) -> int:
    head = b"%d %d %d %d %d %b %b " % (seq, retain, -1 if expiry_s is None else expiry_s, kept_s, len(payload), boot, topic)
    return zlib.crc32(payload, zlib.crc32(head))
