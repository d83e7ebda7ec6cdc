"""`affectd collect` in front of a real mosquitto: killed at any moment it loses nothing, and each message is there once."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Iterator

import pytest

from daemon.__main__ import main
from daemon.collect.durable import UNFINISHED
from daemon.demo.broker import PrivateBroker, free_port
from tests.faults.form import rounds, times
from tests.faults.test_file_systems import fill
from tests.fixtures.publisher import Publisher
from tests.fleet.archives import asked, bad, keys, n_rows, utterance
from tests.fleet.collecting import PATIENCE_S, Collecting, await_that

SEED = 10
NODES = ("a", "b", "c")
KEEPS = ("max_inflight_messages 0", "max_queued_messages 0")
"""As deploy/fleet/mosquitto/affectd.conf."""

pytestmark = pytest.mark.timeout(7200)


@contextmanager
def fleet_broker() -> Iterator[tuple[PrivateBroker, Publisher]]:
    with PrivateBroker(0, *KEEPS) as broker, Publisher(broker.port) as publisher:
        yield broker, publisher


def place(broker: PrivateBroker, *more: str) -> tuple[str, ...]:
    return ("--broker", f"127.0.0.1:{broker.port}", *more)


def has(folder: Path, n_messages: int) -> bool:
    # those that are there twice are counted twice: look closer only then
    return n_rows(folder) >= n_messages and len(keys(folder)) == n_messages


def is_writing_or_done(folder: Path, n_messages: int) -> bool:
    return any((folder / UNFINISHED).iterdir()) or has(folder, n_messages)


def test_killed_at_any_moment_it_loses_nothing_and_each_message_is_there_once(tmp_path: Path) -> None:
    chance, n_sent = random.Random(SEED), 0
    with fleet_broker() as (broker, publisher):
        for number in rounds("a collector killed", 3, 50):
            with Collecting(tmp_path, *place(broker, "--group", "g"), every_s=0.1) as collecting:
                for _ in range(chance.randint(1, 5)):
                    some = range(n_sent + 1, n_sent + chance.randint(10, 100))
                    publisher.send([utterance(chance.choice(NODES), seq) for seq in some])
                    n_sent = some[-1]
                if number % 2:
                    time.sleep(chance.uniform(0.0, 0.3))
                else:
                    # in the middle of writing
                    await_that(partial(is_writing_or_done, tmp_path, n_sent))
                collecting.kill()
        with Collecting(tmp_path, *place(broker, "--group", "g"), every_s=0.1) as collecting:
            await_that(partial(has, tmp_path, n_sent))
            collecting.end()
    found = keys(tmp_path)
    assert sorted(seq for _, _, seq in found) == list(range(1, n_sent + 1))
    print(
        f"{n_sent} messages, {times(3, 50)} kills: 0 lost; {len(keys(tmp_path, 'files')) - n_sent} twice before de-duplication"
    )


def test_two_that_share_a_group_write_each_message_once_between_them(tmp_path: Path) -> None:
    with fleet_broker() as (broker, publisher), ExitStack() as stack:
        both = [
            stack.enter_context(Collecting(tmp_path, *place(broker, "--group", "g", "--client-id", name)))
            for name in ("one", "two")
        ]
        publisher.send([utterance("a", seq) for seq in range(1, 101)])
        await_that(lambda: n_rows(tmp_path) == 100)
        said = [one.end() for one in both]
    assert [seq for _, _, seq in keys(tmp_path, "files")] == list(range(1, 101))
    assert all(int(line.split(": ")[1].split()[0]) > 10 for line in said), said


def test_hostile_messages_among_good_ones_end_in_quarantine_named(tmp_path: Path) -> None:
    good = [utterance("a", seq) for seq in range(1, 11)]
    wrong = [
        ("affectd/a/driver/utterance", b"\xff\x00rubbish"),
        ("affectd/a/driver/utterance", b"[" * 100_000),
        ("affectd/a/driver/utterance", utterance("b", 1)[1]),
        ("affectd/..%2f/driver/utterance", utterance("../../x", 1)[1]),
    ]
    with fleet_broker() as (broker, publisher), Collecting(tmp_path, *place(broker)) as collecting:
        publisher.send([one for both in zip(good, wrong * 3) for one in both])
        await_that(lambda: n_rows(tmp_path) == 10 and len(bad(tmp_path)) == 10)
        last = collecting.end()
    assert last.startswith("affectd: 10 messages in ")
    assert last.endswith(", 10 in quarantine")
    whys = {one["why"] for one in bad(tmp_path)}
    assert whys == {
        "it is no JSON object",
        "it says that it is for affectd/b/driver/utterance",
        "its node or source is no name: want 1 to 64 letters, digits, - or _",
    }
    assert {path.name for path in tmp_path.glob("day=*/*")} == {"node=a"}


def test_a_full_disk_is_waited_for_and_costs_no_message(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with fleet_broker() as (broker, publisher), Collecting(small_disk / "archive", *place(broker)) as collecting:
        publisher.send([utterance("a", 1)])
        await_that(lambda: n_rows(small_disk / "archive") == 1)
        fill(filler)
        publisher.send([utterance("a", seq, pad="x" * 20_000) for seq in range(2, 6)])
        said = collecting.await_said("cannot be written")
        assert "No space left on device; the broker keeps what is not written" in said
        assert [seq for _, _, seq in keys(small_disk / "archive")] == [1]
        filler.unlink()
        await_that(lambda: n_rows(small_disk / "archive") == 5)
        collecting.end()
    assert asked(small_disk / "archive", "SELECT count(*) FROM files") == [(5,)]


def test_a_broker_that_is_not_there_is_waited_for_or_named_and_so_is_a_folder_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for how in ([], ["--queue", "affectd-events"]):
        port = free_port()
        assert main(["collect", "--into", str(tmp_path), "--broker", f"127.0.0.1:{port}", "--wait", "0.3", *how]) == 4
        said = capsys.readouterr().err.splitlines()
        assert f"affectd: broker 127.0.0.1:{port} is not there yet; I keep trying" in said
        assert said[-1].startswith(f"affectd: error: broker 127.0.0.1:{port} has not let us in for 0.3 s")
    (tmp_path / "file").touch()
    assert main(["collect", "--into", str(tmp_path / "file")]) == 2
    assert "cannot be written: " in capsys.readouterr().err
    assert main(["collect", "--into", str(tmp_path), "--queue", "q", "--group", "g"]) == 2
    assert "--queue and --group: want one" in capsys.readouterr().err


def test_a_collector_that_was_away_finds_what_came_meanwhile(tmp_path: Path) -> None:
    with fleet_broker() as (broker, publisher):
        for first in (1, 11):
            with Collecting(tmp_path, *place(broker)) as collecting:
                await_that(partial(has, tmp_path, first - 1))
                collecting.end()
            publisher.send([utterance("a", seq) for seq in range(first, first + 10)])
        with Collecting(tmp_path, *place(broker)) as collecting:
            await_that(lambda: n_rows(tmp_path) == 20)
            collecting.end()
    assert [seq for _, _, seq in keys(tmp_path)] == list(range(1, 21))


def test_a_count_ends_it(tmp_path: Path) -> None:
    asks = ("--count", "5")
    with fleet_broker() as (broker, publisher), Collecting(tmp_path, *place(broker, *asks), every_s=60.0) as collecting:
        publisher.send([utterance("a", seq) for seq in range(1, 6)])
        collecting.child.wait(PATIENCE_S)
    assert len(keys(tmp_path)) == 5
