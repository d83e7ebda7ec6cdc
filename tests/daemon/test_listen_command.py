"""`affectd listen` with a real broker: its session, a broker that is late, refuses, is old; and arguments that are wrong."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest

from daemon.__main__ import main
from daemon.demo.broker import PLACES, PrivateBroker, free_port
from tests.daemon.wire import PATIENCE_S
from tests.fixtures.publisher import Publisher
from tests.fixtures.relay import HangUp, Passage, Relay

ROOT = Path(__file__).parents[2]


def utterance(seq: int) -> tuple[str, bytes]:
    body = {"schema": "affectd/utterance/1", "node": "cabin", "source": "driver", "boot": "b1", "seq": seq}
    return "affectd/cabin/driver/utterance", json.dumps(body).encode()


@contextmanager
def listening(port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once it is subscribed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "daemon", "listen", "--broker", f"127.0.0.1:{port}", "--json", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert child.stderr is not None
        said = child.stderr.readline()
        while "listening at" not in said:
            assert said, "it has ended"
            said = child.stderr.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


def seqs(out: str) -> list[int]:
    return [json.loads(line)["seq"] for line in out.splitlines()]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_comes_while_nobody_listens_is_there_when_somebody_does(protocol: str) -> None:
    version = ("--protocol", protocol)
    with PrivateBroker() as broker, Publisher(broker.port) as publisher:
        with listening(broker.port, *version) as first:
            publisher.send([utterance(1)])
            assert first.stdout is not None
            assert seqs(first.stdout.readline()) == [1]
            first.send_signal(signal.SIGINT)
            out, err = first.communicate(timeout=PATIENCE_S)
            assert (first.returncode, out) == (0, "")
            assert "affectd: 1 message\n" in err
        publisher.send([utterance(2)])
        publisher.send([utterance(3)])
        with listening(broker.port, *version, "--count", "3") as second:
            publisher.send([utterance(4)])
            out, _ = second.communicate(timeout=PATIENCE_S)
    assert (second.returncode, seqs(out)) == (0, [2, 3, 4])


def test_a_broker_that_comes_late_is_waited_for_and_one_that_never_comes_as_long_as_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = main(["listen", "--broker", f"127.0.0.1:{port}", "--wait", "0.3"])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    said = capsys.readouterr().err
    assert code == 4
    assert f"affectd: broker 127.0.0.1:{port}" in said
    assert said.splitlines()[-1].startswith(f"affectd: error: broker 127.0.0.1:{port} has not let us in for 0.3 s")


def test_who_is_put_out_by_his_double_is_told_so() -> None:
    same = ("--client-id", "same")
    with PrivateBroker() as broker, listening(broker.port, *same) as first, listening(broker.port, *same):
        assert first.stderr is not None
        assert "another subscriber has our client id" in first.stderr.readline()


@pytest.fixture
def guarded_port(tmp_path: Path) -> Iterator[int]:
    """Of a mosquitto that wants a password."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)
    assert program is not None
    passwords, settings, port = tmp_path / "passwords", tmp_path / "mosquitto.conf", free_port()
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "me", "correct horse"], check=True)
    settings.write_text(f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\npassword_file {passwords}\nlog_type none\n")
    child = subprocess.Popen([program, "-c", str(settings)])
    yield port
    child.kill()
    child.wait()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_password_is_read_from_its_file_and_a_wrong_one_ends_it(guarded_port: int, tmp_path: Path, protocol: str) -> None:
    secret = tmp_path / "secret"
    arguments = ["--username", "me", "--password-file", str(secret), "--protocol", protocol]
    secret.write_text("correct horse\n")
    with listening(guarded_port, *arguments):
        pass
    secret.write_text("wrong\n")
    command = [sys.executable, "-m", "daemon", "listen", "--broker", f"127.0.0.1:{guarded_port}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 4
    assert done.stderr.startswith(f"affectd: error: broker 127.0.0.1:{guarded_port} refuses us: ")
    assert "wrong" not in done.stderr


class Old(Passage):
    """In front of a broker, one that knows no MQTT 5: it answers such a client with `refusal`, and hangs up."""

    def __init__(self, refusal: bytes) -> None:
        self._refusal = refusal
        self._is_let_in = False

    def from_client(self, data: bytes) -> bytes:
        if not self._is_let_in and data[data.index(b"MQTT") + 4] == 5:
            self.client.sendall(self._refusal)
            raise HangUp
        self._is_let_in = True
        return data


@contextmanager
def old(broker_port: int, refusal: bytes) -> Iterator[int]:
    """The port of such a one."""
    relay = Relay(broker_port, lambda: Old(refusal))
    relay.open()
    yield relay.port
    relay.close()


@pytest.mark.parametrize("refusal", [b"", b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"], ids=["silent", "3.1.1", "5"])
def test_a_broker_that_has_no_mqtt_5_is_spoken_to_in_3(refusal: bytes) -> None:
    with PrivateBroker() as broker, old(broker.port, refusal) as port, listening(port, "--count", "1") as child:
        with Publisher(broker.port) as publisher:
            publisher.send([utterance(1)])
        out, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, seqs(out)) == (0, [1]), err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--broker", "here:99999"], "port is 99999"),
        (["--broker", ":1883"], "want HOST or HOST:PORT"),
        (["--node", "a/b"], "--node is 'a/b'"),
        (["--client-id", "a b"], "--client-id is 'a b'"),
        (["--count", "0"], "want a whole number above zero"),
        (["--for", "nan"], "want a number of seconds above zero"),
        (["--username", "me", "--password-file", "/nowhere"], "/nowhere"),
    ],
)
def test_what_cannot_be_right_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = main(["listen", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert says in said[-1]
    assert said[-1].startswith("affectd: error: ")
