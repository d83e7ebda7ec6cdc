"""The settings of what the log says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JournalSettings:
    """The log is systemd's journal, or stderr. No sound and no features are ever in it."""

    utterances: bool = True
    """A line for each utterance: its source, number and length."""
    labels: bool = False
    """true: and how it was said. A mood is personal data, the journal is kept for months and read by more people than the
    broker lets in."""
