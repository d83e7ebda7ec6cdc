"""The outbox over a restart and a crash: the numbers go on, and the letters are there."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from daemon.delivery.outbox import Outbox, as_letter
from daemon.errors import SettingsError
from tests.daemon.delivery.letters import PATIENCE_S, PLAIN, fill, gaps, message, seqs


def crash(place: Path, where: Path) -> Path:
    """The files as a SIGKILL would leave them."""
    shutil.copytree(place.parent, where)
    return where / place.name


def test_the_numbers_go_on_over_a_restart_and_the_letters_are_there(place: Path) -> None:
    for boot, first in (("a", 1), ("b", 4), ("c", 7)):
        outbox = Outbox(place, boot, PLAIN)
        assert (outbox.last_seq, seqs(outbox)) == (first - 1, list(range(1, first)))
        fill(outbox, 3)
        outbox.close()
    outbox = Outbox(place, "d", PLAIN)
    assert [(letter.seq, letter.boot) for letter in outbox.after(0, 99)] == list(enumerate("aaabbbccc", 1))
    outbox.close()


def test_after_a_crash_all_that_was_durable_is_there(place: Path, tmp_path: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 5)
    outbox.delivered([1, 2])
    outbox.put_aside(4, "no")
    outbox.flush(PATIENCE_S)
    outbox.delivered([5])
    crashed = crash(place, tmp_path / "crashed")
    outbox.close()
    again = Outbox(crashed, "b", PLAIN, "n", lambda: "then")
    assert (seqs(again), again.last_seq) == ([3, 5], 5), "what was not yet noted as delivered is sent again"
    again.name_gaps()
    again.flush(PATIENCE_S)
    assert gaps(again) == [(4, 4, "refused: no")]
    again.close()


def test_only_one_service_has_the_file(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    with pytest.raises(SettingsError, match=r"another affectd has its outbox there: .* \[node\] state"):
        Outbox(place, "b", PLAIN)
    outbox.close()
    Outbox(place, "c", PLAIN).close()


def test_the_files_are_their_owners_and_no_more_than_they_need_be(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 3)
    assert {stat.S_IMODE(one.stat().st_mode) for one in place.parent.iterdir()} == {0o600}
    outbox.close()
    assert sorted(one.name for one in place.parent.iterdir()) == ["outbox.mark", "outbox.sqlite"]


def test_what_was_refused_is_kept_apart_for_who_looks_for_the_reason(place: Path) -> None:
    outbox = Outbox(place, "a", PLAIN)
    fill(outbox, 150)
    for seq in range(1, 121):
        outbox.put_aside(seq, "no")
    outbox.close()
    with closing(sqlite3.connect(place)) as file:
        kept = file.execute("SELECT seq, reason, payload FROM aside ORDER BY seq").fetchall()
    assert kept == [(seq, "no", as_letter(message(seq), "a", seq).payload) for seq in range(21, 121)]
