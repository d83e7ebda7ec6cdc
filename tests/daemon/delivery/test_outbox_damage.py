"""A damaged, foreign or newer file: what is said of it, what becomes of it, and damage that is found at work."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable

import pytest

from daemon.delivery.outbox import Outbox, writer
from daemon.delivery.outbox.rescue import MOST_BAD
from daemon.events import Message
from daemon.settings import OutboxSettings
from tests.fixtures.asking_sqlite import asking

PATIENCE_S = 60.0
SETTINGS = OutboxSettings(linger_ms=0.0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def opened(place: Path, n_letters: int = 0) -> Outbox:
    outbox = Outbox(place, "b00t", SETTINGS, "n", lambda: "then")
    commit(outbox, n_letters)
    return outbox


def commit(outbox: Outbox, n_letters: int) -> None:
    for number in range(n_letters):
        outbox.commit(Message("driver/utterance", {"schema": "s", "source": "driver", "text": f"{number:03} " * 100}))
    assert outbox.flush(PATIENCE_S)


def seqs(outbox: Outbox) -> list[int]:
    return [letter.seq for letter in outbox.after(0, 10000)]


def gaps(outbox: Outbox) -> list[tuple[int, int, str]]:
    outbox.name_gaps()
    outbox.flush(PATIENCE_S)
    bodies = [json.loads(letter.payload) for letter in outbox.after(0, 10000) if letter.topic == "gap"]
    return [(gap["first_seq"], gap["last_seq"], gap["reason"]) for body in bodies for gap in body["gaps"]]


def until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s, "it never came to that"
        time.sleep(0.005)


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def query(place: Path, *statements: str) -> None:
    with closing(sqlite3.connect(place)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


def into_a_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda place: place.write_text("no database\n" * 100), "file is not a database"),
    "folder": (into_a_folder, "it is a folder"),
    "newer": (
        lambda place: query(place, "ALTER TABLE letters RENAME COLUMN payload TO body", "PRAGMA user_version = 7"),
        "it is of version 7; this affectd knows version 1",
    ),
    "foreign": (
        lambda place: query(place, "PRAGMA application_id = 7", "DROP TABLE letters"),
        "it is some other program's database",
    ),
    "changed": (lambda place: query(place, "DROP TABLE aside"), "its tables are not as they were made"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_put_aside_with_a_message_and_the_service_goes_on(
    place: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(place, 9)
    outbox.delivered([1, 2])
    outbox.close()
    change, why = DAMAGES[damage]
    change(place)
    outbox = opened(place)
    saved = damage == "changed"
    assert seqs(outbox) == (list(range(3, 10)) if saved else [])
    assert f"{place}: {why}: it is put aside as outbox.sqlite.bad; {8 if saved else 0} rows of it are saved" in said(caplog)
    assert place.with_name("outbox.sqlite.bad").exists()
    if not saved:
        assert "the outbox has lost up to 7 letters: a gap record will tell which" in said(caplog)
        assert outbox.summary()["damaged"] == 7
        assert gaps(outbox) == [(3, 9, "damaged")]
    commit(outbox, 1)
    assert outbox.last_seq == (10 if saved else 11)
    outbox.close()


def test_those_of_a_newer_version_are_saved_where_they_are_as_ours(place: Path) -> None:
    opened(place, 5).close()
    query(place, "PRAGMA user_version = 7")
    outbox = opened(place)
    assert (seqs(outbox), gaps(outbox)) == ([1, 2, 3, 4, 5], [])
    outbox.close()


def test_files_put_aside_are_numbered_and_not_without_end(place: Path) -> None:
    for number in range(MOST_BAD + 2):
        opened(place, 1).close()
        place.write_text(f"damage {number}")
        # the oldest is known by its time
        os.utime(place, (1e9 + number, 1e9 + number))
    opened(place).close()
    bad = sorted(one.name for one in place.parent.iterdir() if ".bad" in one.name)
    assert bad == ["outbox.sqlite.bad", *(f"outbox.sqlite.bad.{number}" for number in range(1, MOST_BAD))]
    kept = sorted(int(place.with_name(name).read_text().split()[1]) for name in bad)
    assert kept == list(range(2, MOST_BAD + 2))


def test_a_flipped_bit_loses_its_letter_alone(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(place, 9).close()
    content = place.read_bytes()
    at = content.index(b"004 004")
    place.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    outbox = opened(place)
    assert seqs(outbox) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert gaps(outbox) == [(5, 5, "damaged")]
    outbox.close()
    assert "is put aside" not in said(caplog)


class Malformed:
    """Makes one statement fail as SQLite does when it sees damage."""

    def __init__(self) -> None:
        self.begins = ""

    def asked(self, statement: str) -> None:
        if self.begins and statement.startswith(self.begins):
            self.begins = ""
            raise sqlite3.DatabaseError("database disk image is malformed")


@pytest.fixture
def malformed(monkeypatch: pytest.MonkeyPatch) -> Malformed:
    one = Malformed()

    really_connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *rest, **more: really_connect(*rest, factory=asking(one.asked), **more))
    return one


@pytest.mark.parametrize("begins", ["INSERT", "COMMIT", "SELECT seq"])
def test_damage_found_at_work_is_mended(
    place: Path, malformed: Malformed, begins: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(place, 20)
    outbox.delivered([1, 2, 3])
    malformed.begins = begins
    outbox.after(0, 5)
    commit(outbox, 5)
    until(lambda: place.with_name("outbox.sqlite.bad").exists() and outbox.summary()["storage"] == "disk")
    assert outbox.flush(PATIENCE_S)
    assert seqs(outbox) == list(range(4, 26))
    assert "database disk image is malformed: it is put aside as outbox.sqlite.bad" in said(caplog)
    outbox.close()
    outbox = opened(place)
    assert (seqs(outbox), gaps(outbox)) == (list(range(4, 26)), [])
    outbox.close()


def test_a_folder_that_is_removed_at_work_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by somebody who cleans up: what the open file still holds is saved."""
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.01)
    folder = place.parent / "state"
    outbox = opened(folder / place.name, 5)
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    commit(outbox, 1)
    until(lambda: (folder / place.name).exists() and outbox.summary()["storage"] == "disk")
    commit(outbox, 3)
    assert (folder / "outbox.mark").exists()
    outbox.close()
    outbox = opened(folder / place.name)
    assert (seqs(outbox), gaps(outbox)) == (list(range(1, 10)), [])
    outbox.close()
