"""`affectd config discovery --remove`: a real broker forgets the device, or the command says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from paho.mqtt import publish

from daemon.__main__ import main
from daemon.delivery.mqtt.retained import take_back
from daemon.demo.broker import PrivateBroker, free_port
from daemon.errors import BrokerError
from daemon.settings import BrokerSettings
from tests.daemon.delivery.delivering import NODE, await_that, delivering, outbox
from tests.daemon.wire import Watcher, Wire
from tests.fixtures.brokers.mosquitto import Mosquitto, rules

TOPIC = f"homeassistant/device/affectd-{NODE}/config"
ABOUT = b'{"device": {}}'


def settings_file(folder: Path, port: int, more: str = "") -> str:
    path = folder / "affectd.toml"
    path.write_text(f'[node]\nname = "{NODE}"\n[broker]\nport = {port}\n{more}\n[[source]]\nname = "driver"\ndevice = "USB"\n')
    return str(path)


def kept(port: int) -> list[bytes]:
    """What a subscriber that comes now is told."""
    with Watcher(port, "#") as watcher:
        publish.single("marker", b"", qos=1, hostname="127.0.0.1", port=port)
        # what was retained has come before this
        watcher.await_that(lambda: any(one.topic == "marker" for one in watcher.received))
        return [one.payload for one in watcher.received if one.topic == TOPIC and one.retain]


@pytest.mark.parametrize("protocol", ["5", "3.1.1", "auto"])
def test_the_device_is_removed_while_the_service_runs(
    protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with PrivateBroker() as broker:
        file = settings_file(tmp_path, broker.port, f'protocol = "{protocol}"')
        with delivering(BrokerSettings(port=broker.port), outbox()) as service:
            await_that(lambda: service.connected)
            service.publish_now(TOPIC, ABOUT, qos=1, retain=True)
            await_that(lambda: kept(broker.port) == [ABOUT])
            assert main(["config", "discovery", "--remove", file]) == 0
            assert service.summary()["connections"] == 1
        assert kept(broker.port) == []
        said = capsys.readouterr()
        assert said.out == f"{TOPIC}: removed at broker 127.0.0.1:{broker.port}\n"
        assert "set [discovery] enabled = false" in said.err
        assert main(["config", "discovery", "--remove", file]) == 0
        assert capsys.readouterr().out == f"{TOPIC}: was not there, at broker 127.0.0.1:{broker.port}\n"


def test_without_discovery_nothing_is_said_of_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PrivateBroker() as broker:
        file = settings_file(tmp_path, broker.port, "[discovery]\nenabled = false")
        assert main(["config", "discovery", file, "--remove"]) == 0
    assert capsys.readouterr().err == ""


def test_no_broker_is_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["config", "discovery", "--remove", settings_file(tmp_path, port)]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"affectd: error: broker 127.0.0.1:{port} is not there yet: nothing is removed\n"


def test_a_broker_that_does_not_answer_is_not_waited_for_without_end() -> None:
    with PrivateBroker() as broker, Wire(broker.port) as wire:
        wire.mend()
        wire.hold()
        with pytest.raises(BrokerError, match="does not answer: nothing is removed"):
            take_back(BrokerSettings(port=wire.port), "me", TOPIC, patience_s=0.3)


def test_a_broker_that_does_not_let_us_and_says_so_is_an_error(tmp_path: Path) -> None:
    allowed = rules(tmp_path, "", "affectd/#")
    with Mosquitto(tmp_path, "allow_anonymous true", allowed) as broker, pytest.raises(BrokerError) as refusal:
        take_back(BrokerSettings(port=broker.port, protocol="5"), "me", TOPIC)
    assert f"refuses (Not authorized): check its access rules for {TOPIC}" in str(refusal.value)


@pytest.mark.parametrize(("protocol", "rule"), [("3.1.1", "topic read #"), ("5", "topic write #")])
def test_what_cannot_be_seen_is_not_said_to_be_done(
    protocol: str, rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In 3.1.1 mosquitto acknowledges what it throws away; and who may only write hears nothing back."""
    acl = tmp_path / "acl"
    acl.write_text(f"{rule}\n")
    acl.chmod(0o600)
    with Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {acl}") as broker:
        file = settings_file(tmp_path, broker.port, f'protocol = "{protocol}"')
        assert main(["config", "discovery", "--remove", file]) == 0
    assert "whether it has cannot be seen" in capsys.readouterr().out


def test_remove_belongs_to_discovery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--remove", settings_file(tmp_path, 1883)]) == 2
    assert "affectd config discovery --remove FILE" in capsys.readouterr().err


def test_what_is_removed_is_what_discovery_publishes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PrivateBroker() as broker:
        file = settings_file(tmp_path, broker.port)
        assert main(["config", "discovery", file]) == 0
        assert json.loads(capsys.readouterr().out)["device"]["identifiers"] == [f"affectd-{NODE}"]
        assert main(["config", "discovery", "--remove", file]) == 0
    assert capsys.readouterr().out.startswith(f"{TOPIC}: ")
