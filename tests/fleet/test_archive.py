"""The archive: rows come back as they went in, each message once, and a crash or a full disk leaves no half file."""

from __future__ import annotations

import errno
import os
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from daemon.collect.archive import QUARANTINE, Archive
from daemon.collect.collector import Collector
from daemon.collect.compact import compact
from daemon.collect.durable import STALE_S, UNFINISHED, Files
from daemon.delivery.subscription import Arrived
from daemon.errors import SettingsError
from tests.fleet.archives import NOON, asked, bad, keys, message, row, utterance


class Desk:
    """A collector, and what it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.acknowledged: list[bytes] = []
        self.remarks: list[str] = []
        self.collector = Collector(Archive(folder), lambda: NOON + timedelta(seconds=1), self.remarks.append)

    def take(self, *sent: tuple[str, bytes]) -> None:
        for topic, payload in sent:
            self.collector.take(Arrived(topic, payload, False, partial(self.acknowledged.append, payload)))


def test_what_was_collected_comes_back_by_day_and_node_with_all_that_was_in_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    sent = [utterance("007", 1), utterance("007", 2, at=NOON - timedelta(days=1)), utterance("c-2", 1, label="neutral")]
    desk.take(*sent, message("007", 3, kind="gap", gaps=[{"first_seq": 1, "last_seq": 2, "reason": "full"}]))
    assert desk.acknowledged == []
    assert desk.collector.flush() is None
    assert len(desk.acknowledged) == 4
    found = asked(
        tmp_path, "SELECT day, node, kind, source, seq, label, confidence, duration_s, latency_ms FROM messages ORDER BY ALL"
    )
    today, yesterday = date(2026, 11, 20), date(2026, 11, 19)
    assert found == [
        (yesterday, "007", "utterance", "driver", 2, "anger", 0.5, 2.0, 800.0),
        (today, "007", "gap", None, 3, None, None, None, None),
        (today, "007", "utterance", "driver", 1, "anger", 0.5, 2.0, 800.0),
        (today, "c-2", "utterance", "driver", 1, "neutral", 0.5, 2.0, 800.0),
    ]
    assert list((tmp_path / UNFINISHED).iterdir()) == []


def test_nothing_is_acknowledged_before_its_file_and_the_files_name_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    steps: list[str] = []
    desk.take(utterance("a", 1))
    real_sync, real_replace = os.fsync, os.replace

    def synced(number: int) -> None:
        place = Path(os.readlink(f"/proc/self/fd/{number}"))
        steps.append("folder" if place.is_dir() else "file")
        assert not desk.acknowledged
        real_sync(number)

    def renamed(draft: Any, target: Any) -> None:
        steps.append("name")
        real_replace(draft, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    assert desk.collector.flush() is None
    # the folders of day and node first, then the file, its name, and the folder that has it
    assert steps == ["folder", "folder", "file", "name", "folder"]
    assert len(desk.acknowledged) == 1


def test_a_message_that_comes_again_is_written_once_and_acknowledged_each_time(tmp_path: Path) -> None:
    desk, sent = Desk(tmp_path), utterance("a", 1)
    desk.take(sent, sent)
    desk.collector.flush()
    desk.take(sent)
    desk.collector.flush()
    assert (len(desk.acknowledged), keys(tmp_path, "files"), desk.collector.counts.n_again) == (3, [("a", "b1", 1)], 2)


def test_another_message_under_the_same_number_goes_to_quarantine(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(utterance("a", 1), utterance("a", 1, label="fear"))
    desk.collector.flush()
    assert asked(tmp_path, "SELECT label FROM messages") == [("anger",)]
    assert "another message came as boot b1, seq 1" in bad(tmp_path)[0]["why"]
    assert len(desk.acknowledged) == 2


def test_a_disk_that_fails_for_some_files_keeps_their_messages_unacknowledged_until_it_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, real_replace = Desk(tmp_path), os.replace
    desk.take(utterance("a", 1), utterance("b", 1), ("affectd/c/driver/utterance", b"rubbish"))

    def full(draft: Any, target: Path) -> None:
        if "node=b" in str(target) or QUARANTINE in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_replace(draft, target)

    monkeypatch.setattr(os, "replace", full)
    trouble = desk.collector.flush()
    assert trouble is not None
    assert trouble.errno == errno.ENOSPC
    assert (desk.acknowledged, desk.collector.n_waiting) == ([utterance("a", 1)[1]], 2)
    assert list((tmp_path / UNFINISHED).iterdir()) == []
    monkeypatch.undo()
    assert desk.collector.flush() is None
    assert (len(desk.acknowledged), desk.collector.n_waiting) == (3, 0)
    assert keys(tmp_path, "files") == [("a", "b1", 1), ("b", "b1", 1)]


def test_quarantine_that_is_full_throws_away_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.collect.archive.MOST_QUARANTINE_BYTES", 350)
    desk = Desk(tmp_path)
    for _ in range(3):
        desk.take(("affectd/x", b"rubbish"))
        desk.collector.flush()
    assert (len(desk.acknowledged), len(bad(tmp_path)), desk.collector.counts.n_thrown_away) == (3, 2, 1)
    assert "thrown away" in desk.remarks[-1]


def test_what_a_killed_collector_left_half_written_is_swept_and_another_ones_is_not(tmp_path: Path) -> None:
    files = Files(tmp_path)
    for name, age_s in (("left", STALE_S + 60.0), ("being-written", 0.0)):
        (tmp_path / UNFINISHED / name).write_bytes(b"PAR1")
        then_s = datetime.now(timezone.utc).timestamp() - age_s
        os.utime(tmp_path / UNFINISHED / name, (then_s, then_s))
    assert files.sweep() == 1
    assert [path.name for path in (tmp_path / UNFINISHED).iterdir()] == ["being-written"]


def test_two_cabins_of_one_name_are_told_and_a_restart_or_a_lost_folder_is_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    # a restart goes on; one whose state folder was lost begins anew, once; and a letter of the old boot comes late
    desk.take(*[utterance("a", seq, boot=boot) for boot, seq in [("x", 1), ("x", 9), ("y", 10), ("x", 8), ("y", 11)]])
    desk.take(*[utterance("b", seq, boot=boot) for boot, seq in [("x", 1), ("x", 9), ("y", 1), ("y", 2), ("y", 11)]])
    assert desk.remarks == []
    desk.take(*[utterance("twin", seq, boot=boot) for seq in (1, 2, 3) for boot in ("x", "y")])
    assert len(desk.remarks) >= 1
    assert desk.remarks[0].startswith("node twin: two cabins have this name (boots ")
    desk.collector.flush()
    assert asked(tmp_path, "SELECT count(*) FROM messages WHERE node = 'twin'") == [(6,)]


def test_a_clock_a_day_off_goes_to_its_own_day_and_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(utterance("ahead", 1, at=NOON + timedelta(days=1)), utterance("behind", 1, at=NOON - timedelta(days=1)))
    desk.collector.flush()
    assert desk.remarks == ["node ahead: its clock is ahead of ours by 24.0 h; its events go to its own days"]
    found = asked(tmp_path, "SELECT node, least_h FROM clocks ORDER BY node")
    assert found == [("ahead", -24.0), ("behind", 24.0)]


def test_compacting_leaves_one_file_of_a_past_day_and_each_message_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    said: list[str] = []
    for seqs in ((1, 2), (2, 3), (3, 4)):
        archive.write_rows([row(utterance("a", seq)) for seq in seqs])
    archive.write_rows([row(utterance("b", 1))])
    archive.write_rows([row(utterance("a", 9, at=NOON + timedelta(days=1)))])
    archive.write_rows([row(utterance("a", 9, at=NOON + timedelta(days=1)))])
    before = keys(tmp_path)
    compact(tmp_path, said.append, date(2026, 11, 21))
    assert keys(tmp_path) == before
    place = tmp_path / "day=2026-11-20" / "node=a"
    assert [pq.ParquetFile(path).metadata.num_rows for path in place.iterdir()] == [4]
    # today's are left alone
    assert len(list((tmp_path / "day=2026-11-21" / "node=a").iterdir())) == 2
    assert said == ["3 files made 1, 2 messages that were there twice removed"]
    compact(tmp_path, said.append, date(2026, 11, 21))
    assert said[-1].startswith("0 files")


def test_compacting_leaves_a_damaged_file_alone_and_names_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    said: list[str] = []
    for seq in (1, 2):
        archive.write_rows([row(utterance("a", seq))])
    damaged = tmp_path / "day=2026-11-20" / "node=a" / "0.parquet"
    damaged.write_bytes(b"PAR1 and no more")
    compact(tmp_path, said.append, date(2026, 11, 21))
    assert f"{damaged} cannot be read, and is left as it is" in said[0]
    damaged.unlink()
    assert keys(tmp_path) == [("a", "b1", 1), ("a", "b1", 2)]
    with pytest.raises(SettingsError, match="there is no such folder"):
        compact(tmp_path / "nowhere", said.append)
