"""The settings for one mosquitto: certificates by the script, and a cabin reaches its own tree and no other."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.fleet_brokers import settings
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.events import Message
from daemon.settings import OutboxSettings
from tests.fixtures.brokers.mosquitto import Mosquitto
from tests.fleet.archives import ROOT, keys, n_rows, utterance
from tests.fleet.collecting import PATIENCE_S, Collecting, await_that

FLEET = ROOT / "deploy" / "fleet"
SCRIPT = str(FLEET / "certificates.sh")

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for more in (
        ["authority"],
        ["broker", "broker", "127.0.0.1", "localhost"],
        ["client", "collector"],
        ["cabin", "one", "two"],
    ):
        subprocess.run([SCRIPT, str(folder), *more], check=True)
    return folder


@pytest.fixture
def broker(tmp_path: Path, certificates: Path) -> Iterator[Mosquitto]:
    """By the settings that ship, but for port and paths."""
    lines = (FLEET / "mosquitto" / "affectd.conf").read_text().replace("/etc/mosquitto/fleet/acl", str(tmp_path / "acl"))
    shutil.copy(FLEET / "mosquitto" / "acl", tmp_path / "acl")
    (tmp_path / "acl").chmod(0o600)
    lines = lines.replace("/etc/mosquitto/fleet", str(certificates)).replace("/var/lib/mosquitto/", f"{tmp_path}/")
    before, after = lines.split("listener 8883\n")
    with Mosquitto(tmp_path, after, before=before.splitlines()) as broker:
        yield broker


class Cabin:
    """A plain client with a cabin's certificate."""

    def __init__(self, name: str, certificates: Path, port: int) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, int] = {}
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        authority, cert, key = (str(certificates / file) for file in ("authority.pem", f"{name}.pem", f"{name}.key"))
        self._client.tls_set(authority, cert, key)
        self._client.on_message = self._on_message
        self._client.on_publish = lambda _client, _data, mid, reason, _more: self._answered(f"publish {mid}", reason.value)
        self._client.on_subscribe = lambda _client, _data, mid, reasons, _more: self._answered(
            f"subscribe {mid}", reasons[0].value
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str) -> int:
        """The broker's reason code."""
        return self._answer(f"publish {self._client.publish(topic, b'x', qos=1).mid}")

    def subscribe(self, topic: str) -> int:
        return self._answer(f"subscribe {self._client.subscribe(topic, qos=1)[1]}")

    def _answer(self, what: str) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: what in self.answers, PATIENCE_S)
            return self.answers[what]

    def _answered(self, what: str, code: int) -> None:
        with self._changed:
            self.answers[what] = code
            self._changed.notify_all()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append(message.topic)


def test_a_cabin_writes_and_reads_its_own_tree_and_no_other(broker: Mosquitto, certificates: Path) -> None:
    one, two = (Cabin(name, certificates, broker.port) for name in ("one", "two"))
    # mosquitto grants any filter, and hands out nothing that is not allowed
    for topic in ("affectd/#", "affectd/one/#", "affectd/+/+/utterance"):
        two.subscribe(topic)
    assert one.publish("affectd/one/driver/utterance") < 0x80
    assert one.publish("affectd/two/driver/utterance") == 0x87
    assert one.publish("affectd/onemore/driver/utterance") == 0x87
    assert one.publish("elsewhere") == 0x87
    # what comes last shows that all before it has been
    assert two.publish("affectd/two/driver/utterance") < 0x80
    await_that(lambda: bool(two.heard))
    for cabin in (one, two):
        cabin.end()
    assert set(two.heard) == {"affectd/two/driver/utterance"}


def test_a_stranger_and_one_without_a_certificate_are_not_let_in(broker: Mosquitto, certificates: Path, tmp_path: Path) -> None:
    for more in (["authority"], ["cabin", "one"]):
        subprocess.run([SCRIPT, str(tmp_path / "strangers"), *more], check=True)
    for name, folder in (("one", tmp_path / "strangers"), (None, certificates)):
        cert, key = (str(folder / f"{name}.{end}") if name else None for end in ("pem", "key"))
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.tls_set(str(certificates / "authority.pem"), cert, key)
        accepted = threading.Event()
        ended = threading.Event()
        client.on_connect = lambda *_, accepted=accepted: accepted.set()
        client.on_disconnect = lambda *_, ended=ended: ended.set()
        try:
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            assert ended.wait(PATIENCE_S)
            client.loop_stop()
        except OSError:
            pass
        assert not accepted.is_set()


def test_the_service_delivers_and_the_collector_collects_through_it(
    broker: Mosquitto, certificates: Path, tmp_path: Path
) -> None:
    files = ["--ca-file", "authority.pem", "--cert-file", "collector.pem", "--key-file", "collector.key"]
    files = [str(certificates / word) if "." in word else word for word in files]
    place = ("--broker", f"127.0.0.1:{broker.port}", "--tls", *files, "--group", "all")
    with Collecting(tmp_path / "archive", *place) as collecting:
        outbox = Outbox(None, "b1", OutboxSettings(), "one")
        delivery = MqttDelivery(settings(certificates, "one", broker.port), "one", outbox, lambda: "2026-11-20T12:00:00.000Z")
        delivery.start()
        for seq in (1, 2, 3):
            body = json.loads(utterance("one", seq)[1])
            outbox.commit(Message("driver/utterance", {name: body[name] for name in body if name not in ("boot", "seq")}))
        await_that(lambda: n_rows(tmp_path / "archive") == 3)
        assert delivery.stop(PATIENCE_S) == 0
        collecting.end()
    assert keys(tmp_path / "archive") == [("one", "b1", seq) for seq in (1, 2, 3)]


def test_certificates_are_not_made_again_and_a_name_that_is_none_is_refused(certificates: Path) -> None:
    before = {path.name: path.read_bytes() for path in certificates.iterdir()}
    subprocess.run([SCRIPT, str(certificates), "cabin", "one"], check=True)
    subprocess.run([SCRIPT, str(certificates), "authority"], check=True)
    assert {path.name: path.read_bytes() for path in certificates.iterdir()} == before
    assert (certificates / "authority.key").stat().st_mode & 0o077 == 0
    wrong = subprocess.run([SCRIPT, str(certificates), "cabin", "a/b"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "certificates.sh: error: a/b: want 1 to 64 letters, digits, - or _\n")
