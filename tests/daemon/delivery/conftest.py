"""An outbox on disk, and one in memory: both keep to the same promises."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from daemon.delivery.outbox import Outbox
from daemon.settings import OutboxSettings
from tests.daemon.delivery.letters import PLAIN, Make, fill


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture(params=["disk", "memory"])
def make(request: pytest.FixtureRequest, place: Path) -> Iterator[Make]:
    """Opens an outbox, on disk or in memory alone; closes all at the end."""
    opened: list[Outbox] = []

    def opening(settings: OutboxSettings = PLAIN, n_letters: int = 0) -> Outbox:
        outbox = Outbox(place if request.param == "disk" else None, "b00t", settings, "n", lambda: "then")
        opened.append(outbox)
        fill(outbox, n_letters)
        return outbox

    yield opening
    for outbox in opened:
        outbox.close()
