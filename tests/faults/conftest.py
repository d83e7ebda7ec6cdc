"""Disks that fail: what SQLite is told of one, and a real file system of a megabyte."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import pytest

from daemon.delivery.outbox import writer
from tests.faults.disks import Disk
from tests.fixtures.asking_sqlite import asking


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk for every outbox opened from now on; retries come quickly."""
    one = Disk()

    def connect(target: str, *rest: Any, **more: Any) -> sqlite3.Connection:
        return really_connect(target, *rest, factory=asking(one.asked), **more)

    def fdatasync(file: int) -> None:
        if one.fails:
            raise OSError(one.number, os.strerror(one.number))
        really_sync(file)

    really_connect, really_sync = sqlite3.connect, os.fdatasync
    monkeypatch.setattr(sqlite3, "connect", connect)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return one


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk in trouble is tried again at once."""
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.005)
    monkeypatch.setattr(writer, "LONGEST_RETRY_S", 0.02)
