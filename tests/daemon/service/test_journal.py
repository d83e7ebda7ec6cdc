"""Where the log goes, and what it says of an utterance."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.events import Message
from daemon.service import journal
from daemon.service.journal import Journalled
from daemon.settings import JournalSettings

MESSAGE = Message("driver/utterance", {"label": "anger", "confidence": 0.816, "speech": {"duration_s": 2.84}})


class Numbered:
    """A Sink that only counts."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    def commit(self, message: Message) -> int:
        self.taken.append(message)
        return len(self.taken)


def records(caplog: pytest.LogCaptureFixture, message: Message, settings: JournalSettings) -> list[logging.LogRecord]:
    sink = Numbered()
    with caplog.at_level(logging.INFO):
        assert Journalled(sink, settings).commit(message) == 1
    assert sink.taken == [message]
    return caplog.records


def told(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name.isupper()}


def test_an_utterance_is_a_line_with_fields_and_without_its_mood(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = records(caplog, MESSAGE, JournalSettings())
    assert record.getMessage() == "driver: an utterance, 2.8 s of speech, seq 1"
    assert told(record) == {"MESSAGE_ID": journal.UTTERANCE, "AFFECTD_SOURCE": "driver", "AFFECTD_SEQ": "1"}
    assert "anger" not in str(vars(record))


def test_its_mood_is_told_where_the_settings_say_so(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = records(caplog, MESSAGE, JournalSettings(labels=True))
    assert record.getMessage() == "driver: anger, 82 %, 2.8 s of speech, seq 1"
    assert told(record)["AFFECTD_LABEL"] == "anger"


def test_nothing_is_told_where_the_settings_say_so(caplog: pytest.LogCaptureFixture) -> None:
    assert records(caplog, MESSAGE, JournalSettings(utterances=False)) == []


@pytest.mark.parametrize("kind", ["state", "episode"])
def test_only_utterances_are_told(caplog: pytest.LogCaptureFixture, kind: str) -> None:
    assert records(caplog, Message(f"driver/{kind}", {"label": "anger"}), JournalSettings(labels=True)) == []


def environment_of(descriptor: int) -> dict[str, str]:
    at = os.fstat(descriptor)
    return {"JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"}


def test_stderr_that_leads_to_the_journal_is_given_up_for_it(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream, (tmp_path / "other").open("w") as other:
        handler = journal.handler(stream, environment_of(stream.fileno()))
        assert type(handler).__name__ == "JournalHandler"
        assert handler.format(logging.makeLogRecord({"msg": "a line"})) == "a line"
        # as in `affectd run 2>file` within a unit
        assert type(journal.handler(other, environment_of(stream.fileno()))) is logging.StreamHandler
        assert type(journal.handler(stream, {})) is logging.StreamHandler
        assert type(journal.handler(stream, {"JOURNAL_STREAM": "nonsense"})) is logging.StreamHandler


def test_without_systemd_python_lines_go_to_stderr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    path = tmp_path / "stream"
    with path.open("w") as stream:
        handler = journal.handler(stream, environment_of(stream.fileno()))
        handler.emit(logging.makeLogRecord({"msg": "a line"}))
    assert path.read_text() == "affectd: a line\n"


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    names = [value for name, value in vars(journal).items() if name.isupper() and len(str(value)) == 32]
    assert len(names) == len(set(names)) == 8
    assert all(int(name, 16) for name in names)
    page = (Path(__file__).parents[3] / "deploy" / "README.md").read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []
