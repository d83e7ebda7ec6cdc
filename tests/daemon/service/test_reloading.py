"""New settings, prepared beside a service that goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, cast

import pytest

from daemon.delivery.outbox import Outbox
from daemon.errors import SettingsError
from daemon.events import Message
from daemon.preparing import Prepared
from daemon.serve import Service
from daemon.service import lives
from daemon.service.notify import Notifier
from daemon.service.reloading import Reloader
from daemon.settings import OutboxSettings, Settings
from tests.daemon.wire import PATIENCE_S

PREPARED = Prepared(Settings(), cast(Any, None))


class Asking:
    """A reloader of a service that is ready, and what systemd was told."""

    def __init__(self, prepare: Callable[[Path], Prepared]) -> None:
        self.told: list[str] = []
        notifier = Notifier(lambda text: self.told.extend(text.splitlines()))
        notifier.ready()
        self.reloader = Reloader(Path("affectd.toml"), prepare, notifier)

    def await_that(self, holds: Callable[[], bool]) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < until_s, self.told
            time.sleep(0.005)


def test_what_is_ready_is_taken_once() -> None:
    asking = Asking(lambda path: PREPARED)
    assert not asking.reloader.has_new
    asking.reloader.ask()
    asking.await_that(lambda: asking.reloader.has_new)
    assert asking.reloader.take() is PREPARED
    assert asking.reloader.take() is None
    assert not asking.reloader.has_new
    assert asking.told.count("READY=1") == 1, "ready again is the next service's to say"


@pytest.mark.parametrize("trouble", [SettingsError("no such file"), RuntimeError("a bug")])
def test_what_cannot_be_prepared_is_refused_and_the_next_file_taken(trouble: Exception) -> None:
    troubles = [trouble]

    def prepare(path: Path) -> Prepared:
        if troubles:
            raise troubles.pop()
        return PREPARED

    asking = Asking(prepare)
    asking.reloader.ask()
    asking.await_that(lambda: asking.told.count("READY=1") == 2)
    assert f"STATUS=new settings refused: {trouble}" in asking.told
    assert not asking.reloader.has_new
    asking.reloader.ask()
    asking.await_that(lambda: asking.reloader.has_new)
    assert asking.told[-1] == "STATUS="


def test_asked_again_while_it_prepares_it_reads_the_newest_file() -> None:
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)
    n_read = 0

    def prepare(path: Path) -> Prepared:
        nonlocal n_read
        n_read += 1
        begun.release()
        assert go_on.acquire(timeout=PATIENCE_S)
        return PREPARED

    asking = Asking(prepare)
    asking.reloader.ask()
    assert begun.acquire(timeout=PATIENCE_S)
    for _ in range(3):
        asking.reloader.ask()
    go_on.release()
    assert begun.acquire(timeout=PATIENCE_S), "the file may have changed since it was read"
    go_on.release()
    asking.await_that(lambda: asking.told.count("RELOADING=1") == 2)
    assert n_read == 2


def test_there_is_no_change_while_messages_wait_in_memory_alone() -> None:
    """They would be lost with the service that holds them."""
    service = cast(Service, type("Holder", (), {"outbox": Outbox(None, "b00t", OutboxSettings())})())
    asking = Asking(lambda path: PREPARED)
    asking.reloader.hold_back = lambda: lives.hold_back(service)
    service.outbox.commit(Message("driver/utterance", {"schema": "s"}))
    asking.reloader.ask()
    asking.await_that(lambda: asking.told.count("READY=1") == 2)
    assert not asking.reloader.has_new
    assert any("1 messages wait in memory alone" in line for line in asking.told)
    service.outbox.delivered([1])
    asking.reloader.ask()
    asking.await_that(lambda: asking.reloader.has_new)
