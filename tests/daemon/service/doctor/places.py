"""Places for the doctor's checks to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator, Mapping

from daemon.service.doctor.finding import Finding
from daemon.service.doctor.place import Place
from daemon.settings import Settings

Check = Callable[[Place], Iterator[Finding]]


def place(
    settings: Settings | None = None, root: Path = Path("/"), unit: Mapping[str, str] | None = None, config: Path | None = None
) -> Place:
    return Place(config, settings, unit or {}, root)


def one(check: Check, at: Place) -> Finding:
    """What a check finds that finds one thing."""
    (found,) = check(at)
    return found


def told(check: Check, at: Place, **wanted: Any) -> str:
    """What is said by the one finding that is like this."""
    found = [each for each in check(at) if all(getattr(each, name) == value for name, value in wanted.items())]
    assert len(found) == 1, list(check(at))
    return found[0].says
