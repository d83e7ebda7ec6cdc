"""The queries that ship, on what the collector writes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from daemon.collect.archive import Archive
from tests.fleet.archives import NOON, asked, message, row, utterance

TODAY = date(2026, 11, 20)


def test_mood_by_hour_and_node_counts_each_utterance_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    hour = timedelta(hours=1)
    first = [row(utterance("a", 1)), row(utterance("a", 2)), row(utterance("a", 3, label="neutral"))]
    archive.write_rows(first)
    archive.write_rows(
        [*first, row(utterance("a", 4, label="neutral", at=NOON + hour)), row(message("a", 5, kind="state", label="fear"))]
    )
    archive.write_rows([row(utterance("b", 1))])
    columns = "day, node, strftime(hour, '%H'), label, n_utterances, speech_s, share"
    assert asked(tmp_path, f"SELECT {columns} FROM mood_by_hour") == [
        (TODAY, "a", "12", "anger", 2, 4.0, 0.667),
        (TODAY, "a", "12", "neutral", 1, 2.0, 0.333),
        (TODAY, "b", "12", "anger", 1, 2.0, 1.0),
        (TODAY, "a", "13", "neutral", 1, 2.0, 1.0),
    ]


def test_gaps_are_what_did_not_come_and_how_much_of_it_the_sender_named(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    named = [{"first_seq": 4, "last_seq": 5, "reason": "full"}]
    archive.write_rows([*(row(utterance("a", seq)) for seq in (1, 2, 3, 7)), row(message("a", 8, kind="gap", gaps=named))])
    # a restart goes on in the same row of numbers
    archive.write_rows([row(utterance("a", 11, boot="b2"))])
    archive.write_rows([row(utterance("b", seq)) for seq in (5, 6)])
    assert asked(tmp_path, "FROM gaps") == [("a", 4, 6, 3, 2, "full"), ("a", 9, 10, 2, 0, None)]


def test_latency_percentiles_by_node(tmp_path: Path) -> None:
    rows = [row(utterance("a", seq, total_ms=float(seq)), after_s=seq / 10) for seq in range(1, 101)]
    Archive(tmp_path).write_rows(rows)
    ((day, node, n_utterances, *figures),) = asked(tmp_path, "FROM latency")
    assert (day, node, n_utterances) == (TODAY, "a", 100)
    assert figures == [50.5, 95.0, 99.0, 5050.0, 9901.0]


def test_twins_are_boots_of_one_name_that_came_by_turns(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.write_rows([row(utterance("twin", seq, boot=boot), after_s=seq) for seq in (1, 2, 3) for boot in ("x", "y")])
    archive.write_rows(
        [row(utterance("restarted", seq, boot=boot), after_s=seq) for boot, seq in (("x", 1), ("x", 2), ("y", 3))]
    )
    archive.write_rows([row(utterance("lost", 1, boot=boot), after_s=after_s) for boot, after_s in (("x", 1), ("y", 2))])
    assert asked(tmp_path, "SELECT node, boot, other_boot FROM twins") == [("twin", "x", "y")]
