"""A broker with passwords and access rules: who is refused is told what to check."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Iterator

import pytest

from daemon.demo.broker import PrivateBroker
from daemon.errors import BrokerError
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import NODE, await_that, delivering, message, outbox
from tests.daemon.wire import Wire
from tests.fixtures.brokers.mosquitto import Mosquitto, passwords, rules

PASSWORD = "correct horse"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a mosquitto that wants a password, and lets `cabin` write availability, gaps and utterances, but no state."""
    topics = [f"affectd/{NODE}/{kind}" for kind in ("availability", "gap", "driver/utterance")]
    with Mosquitto(tmp_path, passwords(tmp_path, cabin=PASSWORD), rules(tmp_path, "cabin", *topics)) as broker:
        yield broker.port


def test_the_password_is_the_first_line_of_its_file(port: int, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\r\na second line\n")
    box = outbox()
    with delivering(BrokerSettings(port=port, username="cabin", password_file=str(secret)), box) as delivery:
        box.commit(message("utterance"))
        await_that(lambda: not len(box))
        assert delivery.summary()["refused"] == 0


@pytest.mark.parametrize("username", ["nobody", "cabin"])
def test_a_wrong_password_is_said_and_the_events_are_kept(
    port: int, tmp_path: Path, username: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    box = outbox()
    with delivering(BrokerSettings(port=port, username=username, password_file=str(secret)), box) as delivery:
        box.commit(message("utterance"))
        await_that(lambda: "refuses: Not authorized; check the user name and the password file" in caplog.text)
        assert not delivery.connected
    assert len(box) == 1
    assert "wrong" not in caplog.text


def test_an_event_that_the_rules_forbid_is_counted_and_said(
    port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MQTT 5 tells; it does not hold up what comes behind."""
    caplog.set_level(logging.ERROR)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    box = outbox()
    with delivering(BrokerSettings(port=port, username="cabin", password_file=str(secret)), box) as delivery:
        box.commit(message("state"))
        box.commit(message("utterance"))
        await_that(lambda: not len(box))
        assert delivery.summary()["refused"] == 4
        assert box.summary()["put_aside"] == 1
    assert (
        f"the broker refuses seq 1 on driver/state: Not authorized; check its access rules for affectd/{NODE}/#" in caplog.text
    )


def test_over_3_1_1_mosquitto_tells_nobody_what_it_forbids(port: int, tmp_path: Path) -> None:
    """It acknowledges the message and drops it: nothing can be done about that here."""
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    box = outbox()
    settings = BrokerSettings(port=port, username="cabin", password_file=str(secret), protocol="3.1.1")
    with delivering(settings, box) as delivery:
        box.commit(message("state"))
        await_that(lambda: not len(box))
        assert delivery.summary()["refused"] == box.summary()["put_aside"] == 0


def test_a_new_trouble_is_said_at_once(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(port) as wire, delivering(BrokerSettings(port=wire.port), outbox()):
        await_that(lambda: "is not there yet" in caplog.text)
        wire.mend()
        await_that(lambda: "refuses: Not authorized" in caplog.text)
    assert len(caplog.records) == 2


def test_a_port_that_somebody_listens_on_is_refused(port: int) -> None:
    with pytest.raises(BrokerError, match=f"^port {port} cannot be had .*: give another one with --port$"), PrivateBroker(port):
        pass
