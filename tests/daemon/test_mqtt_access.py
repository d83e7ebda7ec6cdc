"""A broker with passwords and access rules: who is refused is told what to check."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

import pytest

from daemon.delivery.mqtt import MqttDelivery, Pace
from daemon.delivery.outbox import Outbox
from daemon.demo.broker import PLACES, PrivateBroker, free_port
from daemon.errors import BrokerError
from daemon.events import Message
from daemon.settings import BrokerSettings, OutboxSettings
from tests.daemon.wire import PATIENCE_S, Wire

NODE = "n0de"
PASSWORD = "correct horse"


def await_that(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a mosquitto that wants a password, and lets `cabin` write availability, gaps and utterances, but no state."""
    passwords, rules, settings = tmp_path / "passwords", tmp_path / "acl", tmp_path / "mosquitto.conf"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "cabin", PASSWORD], check=True)
    rules.write_text(
        f"user cabin\ntopic write affectd/{NODE}/availability\ntopic write affectd/{NODE}/driver/utterance\n"
        f"topic write affectd/{NODE}/gap\n"
    )
    rules.chmod(0o600)
    port = free_port()
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nacl_file {rules}\nuser root\n"
    )
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)
    assert program is not None
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen([program, "-c", str(settings)], stderr=log)
    await_that(lambda: listens(port))
    yield port
    child.terminate()
    child.wait()


@contextmanager
def delivering(settings: BrokerSettings, outbox: Outbox) -> Iterator[MqttDelivery]:
    delivery = MqttDelivery(settings, NODE, outbox, lambda: "now", Pace(again_s=0.02, farewell_s=0.1))
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop(1.0)


def message(kind: str) -> Message:
    return Message(f"driver/{kind}", {"schema": f"affectd/{kind}/1", "node": NODE, "source": "driver"})


def test_the_password_is_the_first_line_of_its_file(port: int, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\r\na second line\n")
    outbox = Outbox(None, "b00t", OutboxSettings())
    with delivering(BrokerSettings(port=port, username="cabin", password_file=str(secret)), outbox) as delivery:
        outbox.commit(message("utterance"))
        await_that(lambda: not len(outbox))
        assert delivery.summary()["refused"] == 0


@pytest.mark.parametrize("username", ["nobody", "cabin"])
def test_a_wrong_password_is_said_and_the_events_are_kept(
    port: int, tmp_path: Path, username: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    outbox = Outbox(None, "b00t", OutboxSettings())
    with delivering(BrokerSettings(port=port, username=username, password_file=str(secret)), outbox) as delivery:
        outbox.commit(message("utterance"))
        await_that(lambda: "refuses: Not authorized; check the user name and the password file" in caplog.text)
        assert not delivery.connected
    assert len(outbox) == 1
    assert "wrong" not in caplog.text


def test_an_event_that_the_rules_forbid_is_counted_and_said(
    port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MQTT 5 tells; it does not hold up what comes behind."""
    caplog.set_level(logging.ERROR)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    outbox = Outbox(None, "b00t", OutboxSettings())
    with delivering(BrokerSettings(port=port, username="cabin", password_file=str(secret)), outbox) as delivery:
        outbox.commit(message("state"))
        outbox.commit(message("utterance"))
        await_that(lambda: not len(outbox))
        assert delivery.summary()["refused"] == 4
        assert outbox.summary()["put_aside"] == 1
    assert (
        f"the broker refuses seq 1 on driver/state: Not authorized; check its access rules for affectd/{NODE}/#" in caplog.text
    )


def test_a_new_trouble_is_said_at_once(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(port) as wire, delivering(BrokerSettings(port=wire.port), Outbox(None, "b00t", OutboxSettings())):
        await_that(lambda: "is not there yet" in caplog.text)
        wire.mend()
        await_that(lambda: "refuses: Not authorized" in caplog.text)
    assert len(caplog.records) == 2


def test_a_port_that_somebody_listens_on_is_refused(port: int) -> None:
    with pytest.raises(BrokerError, match=f"^port {port} cannot be had .*: give another one with --port$"), PrivateBroker(port):
        pass
