"""`affectd listen --group`: those who name one group share the messages; a broker that cannot share is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.demo.broker import PrivateBroker
from tests.daemon.test_listen_command import listening, utterance
from tests.daemon.wire import PATIENCE_S
from tests.fixtures.publisher import Publisher

ROOT = Path(__file__).parents[2]
N_MESSAGES = 20


class Said:
    """What a child writes, as it comes."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._child = child
        assert child.stdout is not None
        self._thread = threading.Thread(target=lambda out: self.lines.extend(out), args=(child.stdout,))
        self._thread.start()

    def end(self) -> list[int]:
        """Its numbers, once it has ended; nothing is said to be missing."""
        self._thread.join(PATIENCE_S)
        assert self._child.stderr is not None
        assert "missing" not in "".join(self.lines) + self._child.stderr.read()
        return [json.loads(line)["seq"] for line in self.lines]


def test_each_message_goes_to_one_of_the_group_and_none_is_said_to_be_missing() -> None:
    with PrivateBroker() as broker, Publisher(broker.port) as publisher:
        members = [("--group", "night", "--client-id", name) for name in ("one", "two")]
        with listening(broker.port, *members[0]) as one, listening(broker.port, *members[1]) as two:
            for seq in range(1, N_MESSAGES + 1):
                publisher.send([utterance(seq)])
            # who is ended leaves in his session what he has not read yet
            seen = [Said(one), Said(two)]
            until_s = time.monotonic() + PATIENCE_S
            while len(seen[0].lines) + len(seen[1].lines) < N_MESSAGES and time.monotonic() < until_s:
                time.sleep(0.05)
            for child in (one, two):
                child.send_signal(signal.SIGINT)
            told = [said.end() for said in seen]
    assert sorted(told[0] + told[1]) == list(range(1, N_MESSAGES + 1))
    assert told[0]
    assert told[1]


def test_a_broker_without_shared_subscriptions_is_refused_and_not_waited_for_in_vain() -> None:
    with PrivateBroker() as broker:
        command = [sys.executable, "-m", "daemon", "listen", "--broker", f"127.0.0.1:{broker.port}", "--group", "night"]
        done = subprocess.run(
            [*command, "--protocol", "3.1.1"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 4
    assert "a group needs a broker with MQTT 5" in done.stderr


def test_a_group_that_is_no_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--group", "a/b"]) == 2
    assert "--group is 'a/b': want 1 to 64 letters" in capsys.readouterr().err
