"""What a check has found, and what all of them come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

OK, NOTE, FAIL = "ok", "note", "fail"
"""It works; the service can do without; it cannot."""


@dataclass(frozen=True)
class Finding:
    """One line for a tired person."""

    mark: str
    """OK, NOTE or FAIL."""
    what: str
    """What was looked at, in a word or two."""
    says: str
    do: str = ""
    """What to type, or to do."""
    exit_code: int = 0
    """Of the trouble; only of a FAIL."""

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"what": self.what, "mark": self.mark, "says": self.says, "do": self.do}


def ok(what: str, says: str) -> Finding:
    """It works."""
    return Finding(OK, what, says)


def note(what: str, says: str, do: str = "") -> Finding:
    """The service can do without."""
    return Finding(NOTE, what, says, do)


def fail(what: str, says: str, do: str, exit_code: int) -> Finding:
    """The service cannot do without."""
    return Finding(FAIL, what, says, do, exit_code)


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when the service could run, else that of the first trouble."""
    return next((one.exit_code for one in findings if one.mark == FAIL), 0)
