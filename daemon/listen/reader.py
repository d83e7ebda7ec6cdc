"""What `affectd listen` does with each message, whoever brings it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Callable, Mapping, NoReturn

from daemon.listen.ledger import MOST_NODES, Ledger
from daemon.listen.lines import Form, Shown, spans_of

NUMBERED = ("utterance", "episode", "state", "gap")
"""What shares a node's row of numbers."""
SHOWN = ("utterance", "episode", "gap", "availability")
"""Without --all."""
ANY = "+"
"""Every node, in a topic."""


@dataclass(frozen=True)
class Head:
    """What every message says of itself."""

    kind: str
    node: str
    boot: str
    seq: int
    """0: not numbered."""


def numbered_topics(node: str | None = None) -> list[str]:
    """All that is numbered, also where it is not shown: else its numbers would be missing. None: of every node."""
    who = node or ANY
    return [*(f"affectd/{who}/+/{kind}" for kind in NUMBERED if kind != "gap"), f"affectd/{who}/gap"]


class Reader:
    """Writes each message once, and what is missing."""

    def __init__(self, form: Form, kinds: tuple[str, ...], write: Callable[[str], None], now_s: Callable[[], float]) -> None:
        self._form = form
        self._kinds = kinds
        self._write = write
        self._now_s = now_s
        self._last_status: dict[str, bytes] = {}
        self.ledger = Ledger()
        self.n_shown = 0
        self.n_foreign = 0
        """What came on our topics and is no message of affectd."""

    def receive(self, payload: bytes, retained: bool) -> None:
        """A message; `retained`: the broker kept it from before we subscribed."""
        body = body_of(payload)
        head = None if body is None else head_of(body)
        if body is None or head is None:
            self.n_foreign += 1
            return
        if not self._is_new(head, payload, retained):
            return
        n_never = 0
        if head.kind == "gap":
            named = [(first, last) for first, last, _ in spans_of(body.get("gaps"))]
            n_never = self.ledger.name(head.node, head.boot, named)
        if head.kind in self._kinds:
            self.n_shown += 1
            for line in self._form.message(Shown(head.kind, body, n_never)):
                self._write(line)

    def tell_missing(self, everything: bool = False) -> None:
        """What is missing for long enough; at the end, everything."""
        for missing in self.ledger.overdue(math.inf if everything else self._now_s()):
            for line in self._form.missing(missing):
                self._write(line)

    def _is_new(self, head: Head, payload: bytes, retained: bool) -> bool:
        if not head.seq:
            # a date is in it: the same twice running is the same message
            again = self._last_status.get(head.node) == payload
            if len(self._last_status) >= MOST_NODES:
                self._last_status.clear()
            self._last_status[head.node] = payload
            return not again
        if retained:
            return self.ledger.take_retained(head.node, head.boot, head.seq)
        return self.ledger.take(head.node, head.boot, head.seq, self._now_s())


def body_of(payload: bytes) -> Mapping[str, Any] | None:
    """The message, out of its CloudEvents envelope where it has one; None: it is no JSON object of finite numbers."""
    try:
        body = json.loads(payload.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, dict) and "specversion" in body:
        # the form of CloudEvents, which the sender may be set to
        body = body.get("data")
    return body if isinstance(body, dict) else None


def head_of(body: Mapping[str, Any]) -> Head | None:
    """None: it is no message of affectd that we know."""
    words = str(body.get("schema")).split("/")
    node, boot, seq = body.get("node"), body.get("boot"), body.get("seq", 0)
    if len(words) != 3 or words[0] != "affectd" or not (isinstance(node, str) and isinstance(boot, str)):
        return None
    if type(seq) is not int or (seq < 1 if words[1] in NUMBERED else words[1] != "availability"):
        return None
    return Head(words[1], node, boot, seq if words[1] in NUMBERED else 0)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
