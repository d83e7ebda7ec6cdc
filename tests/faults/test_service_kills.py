"""SIGKILL of the whole service: `affectd run` with two seats that hear a recording and say a great deal."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.oracle import Item, judge
from daemon.demo.demo import RECORDING
from tests.daemon.wire import PATIENCE_S
from tests.faults.form import rounds
from tests.faults.killable import KillableBroker
from tests.faults.recorder import Recorder, content_of

ROOT = Path(__file__).parents[2]
SEED = 21
SETTINGS = """
[node]
name = "n0de"
state = "{state}"
[broker]
port = {port}
[decision]
state_every_s = 0.05
[[source]]
name = "driver"
recording = "{recording}"
[[source]]
name = "rear"
recording = "{recording}"
"""

pytestmark = pytest.mark.timeout(7200)


def waiting(state: Path, copy: Path) -> list[Item]:
    """What lies in the outbox of a service that was killed, read from a copy: opening it would tidy it up."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    # beside it lie what libraries leave there, PulseAudio's link to a folder that is gone for one
    for path in state.glob("outbox.sqlite*"):
        shutil.copy2(path, copy)
    with sqlite3.connect(copy / "outbox.sqlite") as file:
        # 0 is no letter: it is a mark of the outbox's own
        rows = file.execute("SELECT seq, boot, topic, payload FROM letters WHERE seq > 0 ORDER BY seq").fetchall()
    return [
        Item(bytes(boot).decode(), seq, bytes(topic).decode().rpartition("/")[0], content_of(payload))
        for seq, boot, topic, payload in rows
    ]


def test_sigkill_of_the_service(tmp_path: Path) -> None:
    """What lay in its outbox then arrives, and no number is missing: all that was ever committed is accounted for."""
    chance, state = random.Random(SEED), tmp_path / "state"
    settings = tmp_path / "affectd.toml"
    with KillableBroker(tmp_path / "broker") as broker, Recorder(broker.port) as recorder:
        settings.write_text(SETTINGS.format(state=state, port=broker.port, recording=RECORDING))
        command = [sys.executable, "-m", "daemon", "run", "--config", str(settings)]
        committed: dict[tuple[str, int], Item] = {}
        for number in rounds("SIGKILL of the service", 1, 20):
            service = subprocess.Popen(command, cwd=ROOT)
            try:
                if number % 4 == 0:
                    recorder.await_more(1)
                time.sleep(chance.uniform(0.0, 2.0))
            finally:
                service.kill()
                service.wait()
            if (state / "outbox.sqlite").exists():
                committed.update({item.key: item for item in waiting(state, tmp_path / "copy")})
        service = subprocess.Popen(command, cwd=ROOT)
        try:
            recorder.await_more(20)
            service.send_signal(signal.SIGTERM)
            assert service.wait(PATIENCE_S) == 0
        finally:
            service.kill()
            service.wait()
        recorder.catch_up(broker.port)
        left = waiting(state, tmp_path / "copy")
    committed.update({item.key: item for item in recorder.items})
    verdict = judge(committed.values(), recorder.items, recorder.gaps)
    print(f"SIGKILL of the service: {verdict.figures()}")
    assert (verdict.faults, verdict.named, left) == ([], 0, [])
    assert {"driver", "rear"} <= {item.source for item in recorder.items}
