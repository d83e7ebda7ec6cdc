"""The doctor asks the broker itself, under a name of its own, and says what is wrong with what."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from daemon.delivery.mqtt import probe
from daemon.demo.broker import free_port
from daemon.errors import BrokerError
from daemon.service.doctor import broker
from daemon.service.doctor.finding import FAIL, NOTE, OK
from daemon.settings import BrokerSettings, Settings
from tests.daemon.delivery.delivering import await_that
from tests.daemon.service.doctor.places import one, place
from tests.fixtures.brokers.certificates import Certificates
from tests.fixtures.brokers.mosquitto import Mosquitto, passwords
from tests.fixtures.brokers.scripted import Script, ScriptedBroker


def password(folder: Path, text: str) -> str:
    file = folder / f"{text}.txt"
    file.write_text(text + "\n")
    return str(file)


def test_a_broker_that_lets_us_in_is_good_and_nothing_of_us_stays_there(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "log_type all", passwords(tmp_path, cabin="secret")) as there:
        asked = BrokerSettings(port=there.port, username="cabin", password_file=password(tmp_path, "secret"))
        found = one(broker.broker, place(Settings(broker=asked)))
        assert (found.mark, found.says) == (OK, f"127.0.0.1:{there.port} accepts, MQTT 5, as cabin")
        await_that(lambda: "Received DISCONNECT from affectd-doctor-" in there.said())
        assert "PUBLISH" not in there.said()


def test_a_wrong_password_is_told_with_what_to_look_at(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, passwords(tmp_path, cabin="secret")) as there:
        asked = BrokerSettings(port=there.port, username="cabin", password_file=password(tmp_path, "wrong"))
        found = one(broker.broker, place(Settings(broker=asked)))
    assert (found.mark, found.exit_code) == (FAIL, 4)
    assert "refuses: Not authorized; check the user name and the password file" in found.says
    assert "wrong" not in found.says
    assert "secret" not in found.says


def test_a_broker_that_is_not_there_is_told_with_what_to_type() -> None:
    found = one(broker.broker, place(Settings(broker=BrokerSettings(port=free_port()))))
    assert (found.mark, found.exit_code) == (FAIL, 4)
    assert "mosquitto" in found.do


def test_a_broker_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        with pytest.raises(BrokerError, match="does not answer"):
            probe.ask(BrokerSettings(port=silent.getsockname()[1], protocol="5"), patience_s=0.5)
    assert time.monotonic() - began_s < 30.0


@pytest.mark.parametrize("knows_five", ["says no", "hangs up"])
def test_a_broker_of_the_older_version_is_asked_in_that(knows_five: str) -> None:
    with ScriptedBroker(Script(knows_five=knows_five)) as there:
        assert probe.ask(BrokerSettings(port=there.port)) == "3.1.1"
        with pytest.raises(BrokerError):
            probe.ask(BrokerSettings(port=there.port, protocol="5"), patience_s=2.0)


def test_tls_is_spoken_and_a_stranger_s_certificate_refused(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    lines = [f"cafile {made.cert('ca')}", f"certfile {made.cert('broker')}", f"keyfile {made.key('broker')}"]
    with Mosquitto(tmp_path, *lines, "allow_anonymous true") as there:
        good = BrokerSettings(port=there.port, tls=True, ca_file=str(made.cert("ca")))
        assert "TLS" in one(broker.broker, place(Settings(broker=good))).says
        other = BrokerSettings(port=there.port, tls=True, ca_file=str(made.cert("stranger")))
        assert "did not sign" in one(broker.broker, place(Settings(broker=other))).says
        plain = one(broker.broker, place(Settings(broker=BrokerSettings(port=there.port))))
        assert plain.mark == FAIL
        assert "[broker] port" in plain.says


def test_without_settings_no_broker_is_asked_and_the_settings_are_the_trouble(tmp_path: Path) -> None:
    assert one(broker.broker, place()).mark == NOTE
    none = one(broker.settings, place())
    assert (none.mark, none.exit_code) == (FAIL, 2)
    file = tmp_path / "affectd.toml"
    for text, says in (("[brokre]\n", "did you mean 'broker'"), ("", "no [[source]]")):
        file.write_text(text)
        found = one(broker.settings, place(config=file))
        assert (found.mark, found.exit_code) == (FAIL, 2)
        assert says in found.says
    file.write_text('[[source]]\ndevice = "cabin"\n[broker]\nusername = "a"\npassword_file = "/no/such"\n')
    assert "password_file /no/such: cannot be read" in one(broker.settings, place(config=file)).says
    file.write_text('[[source]]\ndevice = "cabin"\n')
    assert one(broker.settings, place(config=file)).mark == OK
