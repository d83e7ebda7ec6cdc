"""A service that hangs, under a real systemd: the watchdog finds it, starts it again, and what it had committed arrives."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest

from benchmarks.oracle import judge
from tests.faults.form import FULL, rounds
from tests.faults.recorder import Recorder
from tests.fixtures import affectd_box
from tests.fixtures.service_box import RECORDED, SETTINGS, UNIT, ServiceBox, in_service, service_box
from tests.fixtures.systemd_box import SystemdBox

WATCHDOG_S = 10 if FULL else 3
"""The unit's own, and one that takes no time."""
BLOCKING = Path(__file__).with_name("blocking.py")
FOUND = f"{UNIT}: Watchdog timeout"

pytestmark = [pytest.mark.box, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    with service_box(tmp_path_factory.mktemp("box")) as box:
        box.copy(BLOCKING, "/opt/box/blocking.py")
        yield box


@pytest.fixture
def service(box: SystemdBox, tmp_path: Path) -> Iterator[ServiceBox]:
    with in_service(box, tmp_path) as service:
        yield service


def told(what: str, seconds: list[float]) -> None:
    p50, worst = np.percentile(seconds, 50), max(seconds)
    print(f"{what}: p50 {p50:.2f} s, at most {worst:.2f} s, n = {len(seconds)}")


def test_a_start_with_warm_caches_is_ready_once_sound_comes(service: ServiceBox) -> None:
    """How soon is a figure, which a machine that does other things besides does not reach."""
    service.configure(RECORDED)
    seconds = []
    for _ in rounds("start of the service", 1, 20):
        began_s = time.monotonic()
        service.start()
        seconds.append(time.monotonic() - began_s)
        assert service.status().startswith("listening to 1 of 1 seat")
        service.stop()
    told("systemctl start, warm caches: ready after", seconds)


def test_starts_that_fail_wait_longer_and_longer_and_a_stop_that_takes_its_time_is_no_hang(service: ServiceBox) -> None:
    service.configure(f"{RECORDED}\nmircophone = 1")
    n_before = len(service.box.journal(UNIT))
    service.start("WatchdogSec=3", wait=False)
    service.box.until(lambda: any("this one waits for 2 s" in line for line in service.said()), "the second pause")
    service.configure(RECORDED)
    service.box.until(lambda: service.state() == "active", "ready")
    entries = service.box.journal(UNIT)[n_before:]
    pauses = [entry["MESSAGE"] for entry in entries if "the last starts have failed" in entry["MESSAGE"]]
    assert pauses[:2] == [f"the last starts have failed: this one waits for {seconds} s" for seconds in (1, 2)]
    why = [entry for entry in entries if entry["MESSAGE"].startswith(f"{SETTINGS}: [[source]] unknown key 'mircophone'")]
    assert {entry["PRIORITY"] for entry in why} == {"3"}

    # a broker that is away is waited for in the end, and for longer than the watchdog bears
    service.broker.kill()
    service.box.until(lambda: "to deliver" in service.status(), "messages that wait")
    n_hangs = sum(FOUND in line for line in service.said())
    service.box.run("systemctl", "stop", UNIT)
    assert service.box.property(UNIT, "Result") == "success"
    assert sum(FOUND in line for line in service.said()) == n_hangs


def test_a_service_that_hangs_is_started_again_and_what_it_had_committed_arrives(service: ServiceBox) -> None:
    again_s, ready_s = [], []
    service.configure(RECORDED)
    with Recorder(service.broker.port) as recorder:
        service.start(f"WatchdogSec={WATCHDOG_S}")
        recorder.await_more(3)
        service.broker.kill()
        service.box.until(lambda: "to deliver" in service.status(), "messages that wait")
        for number in rounds("SIGSTOP of the service", 1, 10):
            # as one that has run for long, for which no start waits
            service.box.run("rm", "-f", "/run/affectd/starts.json")
            pid = service.pid()
            service.box.run("kill", "-STOP", str(pid))
            began_s = time.monotonic()
            committed = service.on_disk(f"hung{number}")
            assert committed
            service.box.until(partial(service.is_started_again, pid), "another process")
            again_s.append(time.monotonic() - began_s)
            service.box.until(partial(service.is_ready_again, pid), "ready again")
            ready_s.append(time.monotonic() - began_s)
            assert sum(FOUND in line for line in service.said()) == number + 1
        service.broker.start()
        assert recorder.await_that(lambda: {item.key for item in committed} <= recorder.keys), "something was lost"
        recorder.catch_up(service.broker.port)
    told(f"SIGSTOP, WatchdogSec={WATCHDOG_S}: started again after", again_s)
    told("and ready after", ready_s)
    verdict = judge(committed, recorder.items, recorder.gaps)
    assert (verdict.faults, verdict.named) == ([], 0)


@pytest.mark.parametrize(("what", "where"), [("inference", "answer"), ("gate", "push")])
def test_the_watchdog_fires_when_the_loop_blocks_though_threads_are_alive(service: ServiceBox, what: str, where: str) -> None:
    service.configure(RECORDED)
    n_before = len(service.said())
    command = f"{affectd_box.HOME}/bin/python /opt/box/blocking.py {what} run --config {SETTINGS}"
    service.start(f"WatchdogSec={WATCHDOG_S}", "ExecStart=", f"ExecStart={command}")
    pid = service.pid()
    service.box.write("/run/affectd/block", "")
    service.box.until(lambda: service.is_ready_again(pid), "another process that is ready")
    said = service.said()[n_before:]
    blocks = said.index(f"the {what} blocks")
    fires = next(n for n, line in enumerate(said) if n > blocks and FOUND in line)
    assert "another thread is alive" in said[blocks:fires]
    # where it hung is told
    assert any(re.search(rf"blocking\.py.* in {where}$", line) for line in said[fires:]), said[fires:]
