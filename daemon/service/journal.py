"""The log: into systemd's journal, with fields to filter by, where stderr leads there; to stderr otherwise.

`journalctl MESSAGE_ID=531a3b6f34dc4754aaa66a040388540d AFFECTD_SOURCE=driver` shows the utterances of one seat.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Mapping, TextIO

if TYPE_CHECKING:
    # every command begins here, and few need what these bring along
    from daemon.events import Message
    from daemon.ports import Sink
    from daemon.settings import JournalSettings

logger = logging.getLogger(__name__)

IDENTIFIER = "affectd"
PLAIN = f"{IDENTIFIER}: %(message)s"

STARTED = "7f5658d645c04479a3a4f49890777019"
UTTERANCE = "531a3b6f34dc4754aaa66a040388540d"
DEVICE_LOST = "dd2a4e8ede874e84a5140b70a54753ac"
DEVICE_BACK = "cb62d4122c2f43c1881bab36ea452961"
BROKER_LOST = "1ebc6f451b214e2b850bb04af9674706"
BROKER_BACK = "eab5672fb91a422a85dae61f0e2a241a"
GAP = "51ce4955eb814fdbb26afd499ab37d7e"
SETTINGS_REFUSED = "52a826da0cde4ebdb57e75ae2abac062"
"""Each names a kind of event for ever, as journalctl's MESSAGE_ID=; README.md lists them."""


def fields(message_id: str, source: str = "", **more: object) -> dict[str, Any]:
    """For a log call's `extra`; `more` by the names that the journal is to show after AFFECTD_, as in seq=7."""
    named = {**({"source": source} if source else {}), **more}
    return {"MESSAGE_ID": message_id, **{f"AFFECTD_{name.upper()}": str(value) for name, value in named.items()}}


def handler(stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> logging.Handler:
    """The journal's where `stream` (stderr) leads there and systemd-python is installed, else one that writes lines to it."""
    stream = stream or sys.stderr
    if leads_to_journal(stream, environment):
        try:
            from systemd.journal import JournalHandler
        except ImportError:
            pass
        else:
            to_journal: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER=IDENTIFIER)
            to_journal.setFormatter(logging.Formatter("%(message)s"))
            return to_journal
    to_stream = logging.StreamHandler(stream)
    to_stream.setFormatter(logging.Formatter(PLAIN))
    return to_stream


def leads_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """As $JOURNAL_STREAM says: device and inode of what systemd gave us. Where stderr was redirected since, it is another."""
    wanted = environment.get("JOURNAL_STREAM", "")
    try:
        at = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return wanted == f"{at.st_dev}:{at.st_ino}"


class Journalled:
    """A Sink that passes on what it is given, and notes each utterance in the log."""

    def __init__(self, sink: Sink, settings: JournalSettings) -> None:
        self._sink = sink
        self._settings = settings

    def commit(self, message: Message) -> int:
        """As the sink's."""
        seq = self._sink.commit(message)
        source, _, kind = message.topic.rpartition("/")
        if kind == "utterance" and self._settings.utterances:
            self._note(source, seq, message.body)
        return seq

    def _note(self, source: str, seq: int, body: Mapping[str, Any]) -> None:
        duration_s = body["speech"]["duration_s"]
        if self._settings.labels:
            told = fields(UTTERANCE, source, seq=seq, label=body["label"])
            percent = round(100.0 * body["confidence"])
            logger.info("%s: %s, %d %%, %.1f s of speech, seq %d", source, body["label"], percent, duration_s, seq, extra=told)
        else:
            told = fields(UTTERANCE, source, seq=seq)
            logger.info("%s: an utterance, %.1f s of speech, seq %d", source, duration_s, seq, extra=told)
