"""TLS with a CA and certificates of the test's own: who is let in, and what is said to who is not."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest

from daemon.delivery.mqtt import MqttDelivery, access
from daemon.demo.broker import PrivateBroker
from daemon.errors import SettingsError
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import AT, HURRY, NODE, await_that, delivering, message, outbox
from tests.fixtures.brokers.certificates import Certificates
from tests.fixtures.brokers.mosquitto import Mosquitto


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def tls(made: Certificates, name: str = "broker", *more: str) -> list[str]:
    return [f"cafile {made.cert('ca')}", f"certfile {made.cert(name)}", f"keyfile {made.key(name)}", *more]


@pytest.fixture(scope="module")
def plain_tls(made: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Encrypts, and lets in whoever comes."""
    with Mosquitto(tmp_path_factory.mktemp("plain"), *tls(made, "broker", "allow_anonymous true")) as broker:
        yield broker


@pytest.fixture(scope="module")
def strict(made: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Wants a certificate, and takes the user's name from it."""
    lines = tls(made, "broker", "require_certificate true", "use_identity_as_username true", "allow_anonymous false")
    with Mosquitto(tmp_path_factory.mktemp("strict"), *lines) as broker:
        yield broker


def settings(broker: Mosquitto | PrivateBroker, made: Certificates, **more: Any) -> BrokerSettings:
    return BrokerSettings(**{"port": broker.port, "tls": True, "ca_file": str(made.cert("ca")), **more})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_broker_that_our_ca_has_signed_is_trusted(plain_tls: Mosquitto, made: Certificates, host: str, protocol: str) -> None:
    box = outbox()
    with delivering(settings(plain_tls, made, host=host, protocol=protocol), box):
        for number in range(100):
            box.commit(message(number=number, pad="x" * 5000))
        await_that(lambda: not len(box))


@pytest.mark.parametrize("in_one_file", [False, True])
def test_a_certificate_of_ours_lets_us_in(strict: Mosquitto, made: Certificates, in_one_file: bool) -> None:
    ours = {"cert_file": str(made.cert("client_both"))} if in_one_file else pair(made, "client")
    box = outbox()
    with delivering(settings(strict, made, **ours), box):
        box.commit(message())
        await_that(lambda: not len(box))


def pair(made: Certificates, name: str) -> dict[str, str]:
    return {"cert_file": str(made.cert(name)), "key_file": str(made.key(name))}


def test_a_certificate_that_is_renewed_needs_no_restart(strict: Mosquitto, made: Certificates, tmp_path: Path) -> None:
    cert, key = tmp_path / "our.pem", tmp_path / "our.key"
    shutil.copy(made.cert("foreign_client"), cert)
    shutil.copy(made.key("foreign_client"), key)
    box = outbox()
    with delivering(settings(strict, made, cert_file=str(cert), key_file=str(key)), box) as delivery:
        box.commit(message())
        await_that(lambda: delivery._n_failed > 0)
        shutil.copy(made.cert("client"), cert)
        shutil.copy(made.key("client"), key)
        await_that(lambda: not len(box))


def trouble(settings: BrokerSettings, caplog: pytest.LogCaptureFixture) -> str:
    """What is said first of a broker to which there is no way; the letter is kept."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    box = outbox()
    box.commit(message())
    with delivering(settings, box, patience_s=0.0) as delivery:
        await_that(lambda: bool(caplog.records))
        assert not delivery.connected
    assert len(box) == 1
    said = caplog.records[0].getMessage()
    assert "\n" not in said
    assert said.startswith(f"broker {settings.host}:{settings.port} ")
    assert said.endswith(": events are kept, I keep trying")
    return said


def test_a_broker_that_no_ca_of_ours_has_signed_is_not_trusted(
    plain_tls: Mosquitto, made: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = str(made.cert("stranger"))
    said = trouble(settings(plain_tls, made, ca_file=stranger), caplog)
    assert f"has a certificate that {stranger} did not sign: name the CA that did in [broker] ca_file" in said
    said = trouble(settings(plain_tls, made, ca_file=""), caplog)
    assert "has a certificate that nobody whom I trust has signed: name the CA that did in [broker] ca_file" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("elsewhere", "has a certificate for another name: write in [broker] host what its certificate says, not 127.0.0.1"),
        ("expired", "has a certificate that has expired: renew it, and check this machine's clock"),
    ],
)
def test_a_certificate_that_is_no_good_is_told(
    made: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, says: str
) -> None:
    with Mosquitto(tmp_path, *tls(made, name, "allow_anonymous true")) as broker:
        assert says in trouble(settings(broker, made), caplog)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (None, "wants a certificate of ours: name one in [broker] cert_file and key_file"),
        ("foreign_client", "does not accept our certificate: have [broker] cert_file signed by a CA that it trusts"),
    ],
)
def test_a_certificate_of_ours_that_is_missing_or_foreign_is_told(
    strict: Mosquitto, made: Certificates, caplog: pytest.LogCaptureFixture, name: str | None, says: str
) -> None:
    said = trouble(settings(strict, made, **(pair(made, name) if name else {})), caplog)
    # where the broker's reset overtakes its reason, that can only be guessed
    assert says in said or ("has hung up before it answered" in said and "[broker] cert_file" in said)


def test_tls_to_a_port_without_it_is_told(made: Certificates, caplog: pytest.LogCaptureFixture) -> None:
    with PrivateBroker() as broker:
        said = trouble(settings(broker, made), caplog)
    # mosquitto hangs up at what it cannot read; other brokers answer something that is no TLS
    assert "check [broker] port" in said
    assert "TLS" in said


def test_a_broker_that_does_not_answer_in_the_handshake_is_left_in_time(
    made: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = BrokerSettings(port=silent.getsockname()[1], tls=True, ca_file=str(made.cert("ca")), keepalive_s=3600)
        with delivering(one, outbox(), replace(HURRY, connect_s=0.05), patience_s=0.0):
            await_that(lambda: f"broker 127.0.0.1:{one.port} does not answer: events are kept" in caplog.text)


def test_a_port_with_tls_is_told_to_who_comes_without(plain_tls: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    said = trouble(BrokerSettings(port=plain_tls.port, protocol="5"), caplog)
    assert "check [broker] port and tls" in said


NAMES: list[tuple[dict[str, str], str]] = [
    ({"ca_file": "none.pem"}, "ca_file {folder}/none.pem: cannot be read: No such file or directory"),
    ({"ca_file": "."}, "ca_file {folder}/.: cannot be read: Is a directory"),
    ({"ca_file": "empty.pem"}, "ca_file {folder}/empty.pem: holds no certificate: want the CA's, in PEM form"),
    ({"ca_file": "broker.key"}, "ca_file {folder}/broker.key: holds no certificate"),
    ({"cert_file": "none.pem"}, "cert_file {folder}/none.pem: cannot be read: No such file or directory"),
    ({"cert_file": "client.pem"}, "cert_file {folder}/client.pem: cannot be used with cert_file {folder}/client.pem: name the"),
    ({"cert_file": "empty.pem", "key_file": "client.key"}, "cert_file {folder}/empty.pem: cannot be used with key_file"),
    ({"cert_file": "client.pem", "key_file": "none.key"}, "key_file {folder}/none.key: cannot be read: No such file"),
    ({"cert_file": "client.pem", "key_file": "client.pem"}, "cert_file {folder}/client.pem: cannot be used with key_file"),
    (
        {"cert_file": "client.pem", "key_file": "broker.key"},
        "key_file {folder}/broker.key: is not the key of cert_file {folder}",
    ),
    ({"cert_file": "client.pem", "key_file": "locked.key"}, "key_file {folder}/locked.key: the key wants a passphrase"),
]


@pytest.mark.parametrize(("files", "says"), NAMES)
def test_a_file_that_is_of_no_use_is_told_before_anything_starts(made: Certificates, files: dict[str, str], says: str) -> None:
    folder = made.cert("ca").parent
    places: dict[str, Any] = {key: f"{folder}/{name}" for key, name in files.items()}
    with pytest.raises(SettingsError) as refused:
        MqttDelivery(BrokerSettings(tls=True, **places), NODE, outbox(), lambda: AT)
    assert str(refused.value).startswith("[broker] " + says.format(folder=folder))
    assert "\n" not in str(refused.value)


def test_what_is_checked_cannot_be_switched_off_and_old_tls_is_not_spoken(made: Certificates) -> None:
    for ca_file in ("", str(made.cert("ca"))):
        context = access.tls_context(BrokerSettings(tls=True, ca_file=ca_file))
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert access.tls_context(BrokerSettings()) is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ca_file": "a.pem"}, "ca_file and cert_file are for TLS: set tls = true"),
        ({"cert_file": "a.pem"}, "ca_file and cert_file are for TLS: set tls = true"),
        ({"tls": True, "key_file": "a.key"}, "key_file needs its certificate: set cert_file"),
        ({"username": "u", "password_file": "a", "password_credential": "b"}, "want only one"),
        ({"password_file": "a"}, "a password needs its user: set username"),
        ({"password_credential": "a"}, "a password needs its user: set username"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        BrokerSettings(**more)
