"""What a message looks like: a line for people, or the object itself for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Callable, Mapping, Protocol, Sequence

from daemon.delivery.outbox.ranges import Range
from daemon.listen.ledger import Missing

Body = Mapping[str, Any]

DIM, BOLD, RED, YELLOW = "2", "1", "31", "33"
BAR = 10
"""Characters of a bar that means certain."""
WHY = {
    "full": "its outbox was full",
    "old": "they had become too old",
    "damaged": "its outbox was damaged",
}
"""What the reasons of a gap record mean."""


@dataclass(frozen=True)
class Shown:
    """A message that is to be shown."""

    kind: str
    body: Body
    n_never: int = 0
    """Of a gap record: how many of the numbers that it names never came."""


class Form(Protocol):
    """How things are said. A message is a list of lines: it may need a heading."""

    def message(self, shown: Shown) -> Sequence[str]:
        """A message of the sender's."""

    def missing(self, missing: Missing) -> Sequence[str]:
        """Numbers that nobody accounts for."""


class JsonForm:
    """Each message as it came, one object a line; what is missing as an object of our own."""

    def message(self, shown: Shown) -> Sequence[str]:
        """The body alone."""
        return [_json(shown.body)]

    def missing(self, missing: Missing) -> Sequence[str]:
        """Schema affectd/missing/1."""
        return [_json({"schema": "affectd/missing/1", **vars(missing)})]


class TextForm:
    """Time of day here, who, what, and how sure. A day's first line is preceded by the day."""

    def __init__(self, coloured: bool) -> None:
        self._coloured = coloured
        self._day: date | None = None

    def message(self, shown: Shown) -> Sequence[str]:
        """One line, and a day's name before it where that is a new one."""
        colour = {"utterance": BOLD, "gap": YELLOW}.get(shown.kind, "")
        return self._headed(shown.body, shown.kind, colour, SAYING[shown.kind](shown))

    def missing(self, missing: Missing) -> Sequence[str]:
        """One line."""
        perhaps = "; some may be states that expired while we were not connected" if missing.away else ""
        what = f"{_numbers([(missing.first_seq, missing.last_seq)])} never came, and no gap record names it{perhaps}"
        return self._headed({"node": missing.node}, "missing", RED, what)

    def _headed(self, body: Body, kind: str, colour: str, what: str) -> list[str]:
        when = _moment(body.get("at"))
        lines = []
        if when is not None and when.date() != self._day:
            self._day = when.date()
            lines.append(self._paint(DIM, f"--- {self._day:%A, %d %B %Y} ---"))
        clock = f"{when:%H:%M:%S}" if when else " " * 8
        who = printable(f"{body.get('node', '?')}/{body['source']}" if "source" in body else str(body.get("node", "?")))
        lines.append(f"{self._paint(DIM, clock)}  {who:<16}  {self._paint(colour, f'{kind:<12}')}  {printable(what)}".rstrip())
        return lines

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured and colour else text


def _utterance(shown: Shown) -> str:
    body = shown.body
    speech = body.get("speech")
    duration = _number(speech.get("duration_s")) if isinstance(speech, dict) else None
    return _judged(body, _number(body.get("confidence"))) + (f"  {duration:.1f} s of speech" if duration is not None else "")


def _state(shown: Shown) -> str:
    body = shown.body
    level = _number(body.get("level_dbfs"))
    heard = "speaking" if body.get("speaking") else "silent"
    return _judged(body, _of_label(body)) + f"  {heard}" + (f", {level:.0f} dBFS" if level is not None else "")


def _episode(shown: Shown) -> str:
    body = shown.body
    lasted = _number(body.get("duration_s"))
    phase = {"new": "begins", "update": "goes on", "end": "is over"}.get(str(body.get("phase")), str(body.get("phase")))
    return _judged(body, _of_label(body)) + f"  {phase}" + (f", {lasted:.0f} s" if lasted is not None else "")


def _availability(shown: Shown) -> str:
    return str(shown.body.get("status"))


def _gap(shown: Shown) -> str:
    by_reason: dict[str, list[Range]] = {}
    for first, last, reason in spans_of(shown.body.get("gaps")):
        by_reason.setdefault(reason, []).append((first, last))
    told = "; ".join(f"{_numbers(spans)} dropped by the sender: {WHY.get(why, why)}" for why, spans in by_reason.items())
    n_named = sum(last - first + 1 for spans in by_reason.values() for first, last in spans)
    return told + (f"; {n_named - shown.n_never} of them had come" if shown.n_never < n_named else "")


SAYING: Mapping[str, Callable[[Shown], str]] = {
    "utterance": _utterance,
    "episode": _episode,
    "state": _state,
    "availability": _availability,
    "gap": _gap,
}


def spans_of(gaps: object) -> list[tuple[int, int, str]]:
    """First number, last number and reason of each entry that makes sense; a gap record comes from outside."""
    found = []
    for gap in gaps if isinstance(gaps, list) else []:
        if isinstance(gap, dict):
            first, last = gap.get("first_seq"), gap.get("last_seq")
            if type(first) is int and type(last) is int and 1 <= first <= last:
                found.append((first, last, str(gap.get("reason"))))
    return found


def _judged(body: Body, sure: float | None) -> str:
    """Label, share and bar."""
    label = f"{body.get('label', '?')!s:<10}"
    if sure is None:
        return label + " " * (7 + BAR)
    filled = max(0, min(BAR, round(sure * BAR)))
    return f"{label}{sure:>5.0%}  {'█' * filled}{'·' * (BAR - filled)}"


def _of_label(body: Body) -> float | None:
    shares = body.get("probabilities")
    return _number(shares.get(body.get("label"))) if isinstance(shares, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _numbers(spans: Sequence[Range]) -> str:
    """`3 messages (seq 5 to 7)`"""
    n_numbers = sum(last - first + 1 for first, last in spans)
    shown = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans[:3])
    more = ", ..." if len(spans) > 3 else ""
    return f"{n_numbers} message{'s' if n_numbers > 1 else ''} (seq {shown}{more})"


def _moment(at: object) -> datetime | None:
    """The date of a message on this machine's clock."""
    try:
        return datetime.strptime(str(at)[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z").astimezone()
    except (ValueError, OverflowError):
        return None


def printable(text: str) -> str:
    """What came over the network does not steer the terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _json(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # half a surrogate pair is fine in JSON, and cannot be written
    return text.encode("utf-8", "replace").decode()
